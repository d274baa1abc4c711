import type { Issue } from "../config/issues.ts";
import { abilitiesOf, type PeerKind } from "../config/peer-kinds.ts";
import type { OtherEnd } from "./other-end.ts";

/** What of a tunnel the other end does not take over although it works, and what becomes of it. */
export function peerNotes(end: OtherEnd, kind: PeerKind): readonly Issue[] {
  const at = ["tunnels", end.ours.name];
  return notesOn(end, kind).map(({ path, message }) => ({ path: [...at, ...path], message }));
}

function notesOn(end: OtherEnd, kind: PeerKind): readonly Issue[] {
  if (kind === "wirespan") return [];
  const { ours, pseudowires } = end;
  const { title } = abilitiesOf(kind);
  const { control, fragmentation } = ours;
  const notes: Issue[] = [];
  const note = (path: readonly string[], message: string) => notes.push({ path, message });
  if (fragmentation === "pseudowire")
    note(["fragmentation"], `${title} puts no fragments of frames together: IP fragments instead (outer)`);
  if (control?.authentication.secrets[1] !== undefined)
    note(["next_secret"], `${title} has one secret at a time: change it there when secret changes here`);
  if (control?.peerRouterId !== undefined && kind !== "seil" && kind !== "yamaha")
    note(["peer_router_id"], `${title} chooses its Router ID itself: see that it is this one`);
  if (control?.peerHostName !== undefined && kind !== "cisco-ios" && kind !== "seil" && kind !== "yamaha")
    note(["peer_host_name"], `${title} tells its own host name: call it so, or leave peer_host_name out`);
  if (kind === "freertr" && control?.role !== "responder" && pseudowires.length > 1)
    note(
      ["pseudowires"],
      `the server of ${title} has all pseudowires in one bridge; with role: responder it calls for each`,
    );
  for (const { ours: pseudowire, vlan, session } of pseudowires) {
    const within = (...path: readonly string[]) => ["pseudowires", pseudowire.name, ...path];
    if (pseudowire.vccv === "echo")
      note(within("vccv"), `${title} has no control channel (VCCV): the path MTU is measured to its address`);
    if (vlan !== undefined && pseudowire.type === "ethernet" && kind === "cisco-ios" && session === undefined)
      note(within("type"), `${title} carries one VLAN as ethernet-vlan: leave type out`);
    if (pseudowire.mtu !== STANDARD_MTU && carriesNoMtu.has(kind))
      note(within("mtu"), `the MTU of ${pseudowire.mtu} is not in what is written: set it at its interface`);
    if (vlan !== undefined && leavesTag.has(kind))
      note(
        within("circuit", "vlan"),
        `${title} gets all frames with VLAN ID ${vlan.id}, and leaves the tag on`,
      );
  }
  return notes;
}

const STANDARD_MTU = 1500;
/** TABLE: those whose commands for a pseudowire have no MTU. */
const carriesNoMtu: ReadonlySet<PeerKind> = new Set(["cisco-ios", "freertr", "seil", "yamaha"]);
/** TABLE: those whose bridges get a tagged frame as it is. */
const leavesTag: ReadonlySet<PeerKind> = new Set(["vyos", "mikrotik", "freertr", "seil", "yamaha"]);
