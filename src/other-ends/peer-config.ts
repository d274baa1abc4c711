import { peerObstacles } from "../config/check-peer.ts";
import type { Config, TunnelConfig } from "../config/config.ts";
import type { Issue } from "../config/issues.ts";
import { abilitiesOf } from "../config/peer-kinds.ts";
import { ciscoText } from "./for-cisco-ios.ts";
import { linuxText, networkdText, vyosText } from "./for-kernel.ts";
import { freertrText, mikrotikText, seilText, yamahaText } from "./for-routers.ts";
import { secretPathThere, wirespanFile, yamlText } from "./for-wirespan.ts";
import { addressFamily, type GivenAddresses, type OtherEnd, otherEndOf } from "./other-end.ts";
import { peerNotes } from "./peer-notes.ts";
import type { WrittenPeer } from "./written-peers.ts";

/** What to write at the other end of a tunnel. */

/** How the configuration of one implementation is written. */
interface Writer {
  /** Its text, with lines of comment at its beginning. */
  readonly write: (end: OtherEnd, comment: readonly string[]) => string;
  /** Whether it has to know its own address, which the file may leave open. */
  readonly needsItsAddress: boolean;
}

/** TABLE: how the configuration of each implementation is written. */
const writers = {
  wirespan: {
    write: (end, comment) => yamlText(wirespanFile(end), comment),
    needsItsAddress: false,
  },
  linux: { write: linuxText, needsItsAddress: true },
  networkd: { write: networkdText, needsItsAddress: true },
  vyos: { write: vyosText, needsItsAddress: true },
  "cisco-ios": { write: ciscoText, needsItsAddress: false },
  mikrotik: { write: mikrotikText, needsItsAddress: false },
  freertr: { write: freertrText, needsItsAddress: false },
  seil: { write: seilText, needsItsAddress: true },
  yamaha: { write: yamahaText, needsItsAddress: true },
} as const satisfies Readonly<Record<WrittenPeer, Writer>>;

/** What to write at the other end; or why it cannot be the other end of this tunnel. */
export type PeerConfig =
  | { readonly text: string; readonly notes: readonly Issue[]; readonly obstacles: readonly [] }
  | { readonly text?: undefined; readonly notes: readonly []; readonly obstacles: readonly Issue[] };

/**
 * What to write at the other end of a tunnel, where an implementation runs; `notes` are what it does not
 * take over, and `obstacles` why it cannot be the other end at all, each with what to change.
 */
export function peerConfig(
  config: Config,
  tunnel: TunnelConfig,
  kind: WrittenPeer,
  given: GivenAddresses = {},
): PeerConfig {
  const end = otherEndOf(config, tunnel, given);
  const obstacles = [...peerObstacles(kind, tunnel), ...addressObstacles(end, kind)];
  if (obstacles.length > 0) return { obstacles, notes: [] };
  const text = writers[kind].write(end, headOf(end, kind));
  return { text, notes: peerNotes(end, kind), obstacles: [] };
}

function addressObstacles(end: OtherEnd, kind: WrittenPeer): readonly Issue[] {
  const { ours, local, remote } = end;
  const { title } = abilitiesOf(kind);
  const at = ["tunnels", ours.name];
  const issues: Issue[] = [];
  const canWaitForAny =
    kind === "wirespan" &&
    ours.control?.authentication.mode === "digest" &&
    ours.control.role !== "responder";
  if (remote === undefined && !canWaitForAny)
    issues.push({
      path: [...at, "local"],
      message: `the other end needs our address, which the file does not say: give --our-address ADDRESS`,
    });
  if (local === undefined && writers[kind].needsItsAddress)
    issues.push({
      path: [...at, "remote"],
      message: `${title} needs its own address, which the file does not say: give --peer-address ADDRESS`,
    });
  if (local !== undefined && writers[kind].needsItsAddress && addressFamily(local) === undefined)
    issues.push({
      path: [...at, "remote"],
      message: `${title} needs its own address, no name: give --peer-address ADDRESS`,
    });
  if (remote !== undefined && kind !== "wirespan" && addressFamily(remote) === undefined)
    issues.push({
      path: [...at, "local"],
      message: `${title} needs our address, no name: give --our-address ADDRESS`,
    });
  if (ours.control === undefined && ours.encapsulation === "udp" && ours.localPort === 0)
    issues.push({
      path: [...at, "local_port"],
      message: "the other end needs a UDP port that stays: write one, such as 1701",
    });
  if (ours.pseudowires.length === 0)
    issues.push({ path: at, message: "has no pseudowires, so there is nothing to write at the other end" });
  return issues;
}

/** What is said of interfaces. */
const EXAMPLES = "Interfaces are examples: write those that lead to its network.";

/** The comment at the beginning. */
function headOf(end: OtherEnd, kind: WrittenPeer): readonly string[] {
  const { ours, remoteHostName } = end;
  const { title, known } = abilitiesOf(kind);
  const cookies = end.pseudowires.some(
    ({ session }) => session !== undefined && `${session.receiveCookie}${session.transmitCookie}` !== "",
  );
  const [secret] = ours.control?.authentication.secrets ?? [];
  return [
    `${title.replace(/^t/, "T")} at the other end of tunnel ${ours.name} of ${remoteHostName}, made by`,
    `wirespan peer-config ${ours.name} --for ${kind}`,
    ...(known === "from its documentation"
      ? ["Written by its documentation: nobody has run it against Wirespan. Look at each line."]
      : []),
    ...(cookies ? ["The cookies keep others out: show this text to nobody else."] : []),
    ...(kind === "wirespan" && secret !== undefined
      ? [
          `Put the secret of this end into ${secretPathThere(secret, ours.name)} there,`,
          "readable by its owner alone (scp -p).",
          EXAMPLES,
        ]
      : kind === "wirespan"
        ? [EXAMPLES]
        : []),
  ];
}
