import { UDP_PORT_L2TP } from "../wire/constants.ts";
import { routerIdOf } from "./address.ts";
import { type CircuitConflict, CircuitConflicts, circuitParts } from "./circuits.ts";
import { localEndOf, localText, remoteEndOf, remoteText } from "./ends.ts";
import type { RawPseudowire, RawTunnel } from "./fields.ts";
import type { ReportClash } from "./issues.ts";
import { followPeerByDefault } from "./pseudowire-rows.ts";

/** What no two tunnels or pseudowires of a file can both have. */

export type IsRemoved = (path: readonly PropertyKey[]) => boolean;

/** Who is told of clashes: `later` of those that only come once something is enabled. */
export interface ClashReports {
  readonly clash: ReportClash;
  readonly later: ReportClash;
}

/** Whose a value is: a tunnel or pseudowire, and the path of its key. */
interface Owner {
  readonly name: string;
  readonly path: readonly string[];
}

/** Values that only one owner may have; the second claim of one is reported. */
class UniqueValues {
  readonly #owners = new Map<string, Owner>();

  claim(key: string, owner: Owner, onTaken: (first: Owner) => void): void {
    const first = this.#owners.get(key);
    if (first === undefined) this.#owners.set(key, owner);
    else onTaken(first);
  }
}

/** Keys that must be equal in tunnels that share a socket. */
const socketKeys = ["fragmentation", "udp_checksum", "gso", "control_dscp"] as const;

function checkSocket(
  path: readonly string[],
  tunnel: RawTunnel,
  [firstName, first]: NamedTunnel,
  report: ReportClash,
): void {
  const from = tunnel.local ?? "the route's address";
  // Over IP there are no ports that would tell two sockets apart.
  const another = tunnel.encapsulation === "udp" ? "local_port" : "local address";
  for (const key of socketKeys) {
    if (first[key] !== tunnel[key])
      report(
        [...path, key],
        `tunnel ${firstName}, from ${from} too, shares the socket and says ${first[key]}: ` +
          `set ${key}: ${tunnel[key]} for all of them, in \`tunnel\` of \`defaults\`, ` +
          `or give this tunnel another ${another}`,
        { of: [["tunnels", firstName, key]], other: ["tunnels", firstName] },
      );
  }
}

type NamedTunnel = readonly [name: string, tunnel: RawTunnel];

/** Keys that together identify a tunnel. */
const endKeys = [
  "local",
  "remote",
  "encapsulation",
  "local_port",
  "remote_port",
  "peer_host_name",
  "peer_router_id",
] as const;

/** What the tunnels and pseudowires of a file claim. */
class Claims {
  readonly #reports: ClashReports;
  readonly #isRemoved: IsRemoved;
  readonly #ends = new UniqueValues();
  readonly #names = new UniqueValues();
  readonly #sessionIds = new UniqueValues();
  readonly #endIds = new UniqueValues();
  readonly #devices = new Devices();
  readonly #ofSockets = new Map<string, NamedTunnel>();

  constructor(reports: ClashReports, isRemoved: IsRemoved) {
    this.#reports = reports;
    this.#isRemoved = isRemoved;
  }

  /** Names are claimed by what is disabled too: status and log have it by its name. */
  names(tunnelName: string, { pseudowires }: RawTunnel): void {
    for (const [name, pseudowire] of Object.entries(pseudowires)) {
      const path = ["tunnels", tunnelName, "pseudowires", name];
      this.#names.claim(name, { name: tunnelName, path }, (first) =>
        this.#reports.clash(path, takenNameText(first.name, name, pseudowire), { other: first.path }),
      );
    }
  }

  tunnel(name: string, tunnel: RawTunnel, report: ReportClash): void {
    const path = ["tunnels", name];
    if (endKeys.some((key) => this.#isRemoved([...path, key]))) return;
    const local = localText(localEndOf(tunnel.local)) ?? "";
    const localEnd = `${tunnel.encapsulation} ${local} ${tunnel.local_port ?? UDP_PORT_L2TP}`;
    this.#claimEnds({ name, path }, tunnel, localEnd, report);
    const named = [name, tunnel] as const;
    checkSocket(path, tunnel, this.#ofSockets.get(localEnd) ?? named, report);
    if (!this.#ofSockets.has(localEnd)) this.#ofSockets.set(localEnd, named);
  }

  pseudowire(tunnelName: string, name: string, pseudowire: RawPseudowire, report: ReportClash): void {
    const path = ["tunnels", tunnelName, "pseudowires", name];
    const owner = { name, path };
    const endId = JSON.stringify([tunnelName, pseudowire.remote_end_id ?? name]);
    if (!this.#isRemoved([...path, "remote_end_id"]))
      this.#endIds.claim(endId, owner, (first) => {
        report([...path, "remote_end_id"], `pseudowire ${first.name} has the same`);
      });
    if (!this.#isRemoved([...path, "circuit"])) this.#devices.claim(owner, pseudowire, report);
    const id = pseudowire.static?.local_session_id;
    if (id === undefined) return;
    this.#sessionIds.claim(String(id), owner, (first) =>
      report([...path, "static", "local_session_id"], `pseudowire ${first.name} has it`, {
        other: first.path,
      }),
    );
  }

  /** Claims the ends of a tunnel: the peers of two tunnels must differ in something that an SCCRQ shows. */
  #claimEnds(owner: Owner, tunnel: RawTunnel, localEnd: string, report: ReportClash): void {
    const { path } = owner;
    const remote = remoteEndOf(tunnel.remote);
    const { peer_host_name: hostName, peer_router_id: routerId, remote_port: port } = tunnel;
    const peer = JSON.stringify([hostName, routerId === undefined ? undefined : routerIdOf(routerId)]);
    if (remote.kind !== "any") {
      const key = `${localEnd} ${remoteText(remote)} ${port ?? UDP_PORT_L2TP} ${peer}`;
      this.#ends.claim(key, owner, (first) =>
        report([...path, "remote"], `tunnel ${first.name} has the same ends`, { other: first.path }),
      );
      return;
    }
    const key = (["peer_host_name", "peer_router_id"] as const).find((one) => tunnel[one] !== undefined);
    const same = key === undefined ? "" : `, which has the same ${key}`;
    for (const prefix of remote.prefixes.length > 0 ? remote.prefixes : [""])
      this.#ends.claim(`${localEnd} any ${prefix} ${peer}`, owner, (first) =>
        report(
          [...path, key ?? "remote"],
          `nothing tells peers of this tunnel from those of tunnel ${first.name}${same}: give each ` +
            `${key === undefined ? "a" : "another"} peer_host_name or peer_router_id, which are looked at ` +
            "before any secret is",
          { other: first.path },
        ),
      );
  }
}

/**
 * Reports what two tunnels or pseudowires cannot both have. What is disabled claims last: it has to give way.
 */
export function checkAcross(
  tunnels: readonly [string, RawTunnel][],
  reports: ClashReports,
  isRemoved: IsRemoved,
): void {
  const claims = new Claims(reports, isRemoved);
  for (const [name, tunnel] of tunnels) claims.names(name, tunnel);
  for (const isEnabled of [true, false]) {
    const report = isEnabled ? reports.clash : reports.later;
    for (const [name, tunnel] of tunnels) {
      if (tunnel.enabled === isEnabled) claims.tunnel(name, tunnel, report);
      for (const [key, pseudowire] of Object.entries(tunnel.pseudowires)) {
        if ((tunnel.enabled && pseudowire.enabled) === isEnabled)
          claims.pseudowire(name, key, pseudowire, report);
      }
    }
  }
}

/** What to write for a pseudowire whose name one of another tunnel has: the peer goes on calling it so. */
function takenNameText(first: string, name: string, { remote_end_id, static: fixed }: RawPseudowire): string {
  const called =
    remote_end_id === undefined && fixed === undefined
      ? ` and write remote_end_id: "${name}", by which the peer calls it`
      : "";
  return `tunnel ${first} has a pseudowire of this name: give it another name${called}`;
}

/** Devices of attachment circuits, and the pseudowires that use each of them or its VLANs. */
class Devices {
  readonly #conflicts = new CircuitConflicts();
  readonly #paths = new Map<string, readonly string[]>();

  claim({ name, path: at }: Owner, { circuit: raw }: RawPseudowire, report: ReportClash): void {
    if (raw.tap === undefined && raw.interface === undefined) return;
    const kind = raw.tap === undefined ? "interface" : "tap";
    const [device, vlan] = [circuitParts.device(raw), circuitParts.vlan(raw)];
    const circuit = {
      kind,
      device,
      ...(raw.bridge === undefined ? {} : { bridge: raw.bridge }),
      followPeer: raw.follow_peer ?? followPeerByDefault(kind),
      ...(vlan === undefined ? {} : { vlan }),
    } as const;
    const path = [...at, "circuit"];
    for (const conflict of this.#conflicts.of(circuit)) {
      if (conflict.kind === "device kind")
        report([...path, kind], `${device} is used as interface and as tap`);
      else if (conflict.kind === "bridge")
        report(path, `another pseudowire puts ${device} into ${conflict.bridge}`);
      else if (conflict.kind === "follow peer")
        report([...path, "follow_peer"], `another pseudowire on ${device} has ${conflict.follow}`);
      else this.#reportOwned(path, kind, device, conflict, report);
    }
    this.#conflicts.add(circuit, name);
    this.#paths.set(name, at);
  }

  #reportOwned(
    path: readonly string[],
    key: string,
    device: string,
    conflict: Extract<CircuitConflict, { readonly owner: string }>,
    report: ReportClash,
  ): void {
    const { kind, owner } = conflict;
    const other = this.#paths.get(owner);
    const more = other === undefined ? {} : { other };
    if (kind === "port") report([...path, key], `${device} is used by pseudowire ${owner} too`, more);
    else if (kind === "in port")
      report([...path, key], `${device} is used as a whole by pseudowire ${owner}`, more);
    else report([...path, "vlan"], `pseudowire ${owner} carries this VLAN of ${device}`, more);
  }
}
