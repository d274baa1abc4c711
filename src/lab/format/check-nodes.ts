import { hostAddressProblem } from "../../bytes/subnets.ts";
import type { Issue } from "../../config/issues.ts";
import type { KeyPath } from "../../config/schema-text.ts";
import { choiceText } from "./declared.ts";
import { type Report, reported, type Scope } from "./scope.ts";

/** Keys of nodes that exclude or need each other. */

/** Issues between the keys of each node. */
export function checkNodes(scope: Scope): readonly Issue[] {
  return reported((report) => {
    for (const [name, host] of Object.entries(scope.raw.hosts))
      checkHost(["hosts", name], host, scope, report);
    for (const [name, router] of Object.entries(scope.raw.routers)) {
      checkProgramStart(["routers", name], router.run ?? router.frr ?? router.dns, router.start, report);
      checkNat(scope, name, router, report);
    }
    for (const [name, lcce] of Object.entries(scope.raw.lcces)) checkLcce(["lcces", name], lcce, report);
    if (Object.keys(scope.raw.sites).length > 0 && !scope.names.some(({ path }) => path[0] === "wan"))
      report(["sites"], "sites are connected by the network wan: write `wan: { mtu: 1600 }`", "at key");
  });
}

type RawHost = Scope["raw"]["hosts"][string];
type RawRouter = Scope["raw"]["routers"][string];
type RawLcce = Scope["raw"]["lcces"][string];

/** TABLE: keys of a host, each of which says all there is to say of its tags. */
const tagKeys = ["vlan", "tags", "vlans", "access"] as const;

function checkHost(path: KeyPath, host: RawHost, { raw }: Scope, report: Report): void {
  const given = tagKeys.filter((key) => host[key] !== undefined && host[key] !== 0);
  const [first, ...others] = given;
  for (const key of others)
    report([...path, key], `not beside ${first}: a host has one of ${tagKeys.join(", ")}`, "at key");
  if (host.vlans !== undefined && host.address !== undefined)
    report([...path, "address"], "not beside vlans, which has an address for each VLAN", "at key");
  if (host.vlans !== undefined && Object.keys(host.vlans).length === 0)
    report([...path, "vlans"], "there is no VLAN in it");
  for (const id of Object.keys(host.vlans ?? {}))
    if (Number(id) > MOST_VLAN) report([...path, "vlans", id], `a VLAN ID is ${MOST_VLAN} at most`, "at key");
  const mtu = raw.lans[host.lan]?.mtu ?? raw.networks[host.lan]?.mtu;
  if (host.mtu !== undefined && mtu !== undefined && host.mtu > mtu)
    report([...path, "mtu"], `more than ${mtu}, the MTU of ${host.lan}, whose ports would drop its frames`);
  checkProgramStart(path, host.run ?? host.http ?? host.dhcp_server ?? host.dns, host.start, report);
}

const MOST_VLAN = 4094;

function checkLcce(path: KeyPath, lcce: RawLcce, report: Report): void {
  const { lan, wirespan, run, plane, bridge, start } = lcce;
  if (wirespan === undefined && run === undefined)
    report(path, "wanted `wirespan:`, or `run:` for another peer: nothing would run in it", "at key");
  if (wirespan !== undefined && run !== undefined)
    report([...path, "run"], "not beside wirespan: an LCCE is a Wirespan or another program", "at key");
  if (plane !== undefined && wirespan === undefined)
    report([...path, "plane"], "only a Wirespan has a plane, and this LCCE has no `wirespan:`", "at key");
  if (bridge !== undefined && lan === undefined)
    report([...path, "bridge"], "its port would be trunk, which this LCCE has not: write `lan:`", "at key");
  checkProgramStart(path, wirespan ?? run, start, report);
}

function checkProgramStart(path: KeyPath, program: unknown, start: "auto" | "manual", report: Report): void {
  if (start === "manual" && program === undefined)
    report([...path, "start"], "no program runs in this node that could be started", "at key");
}

function checkNat(scope: Scope, name: string, { nat, ports }: RawRouter, report: Report): void {
  if (nat === undefined) return;
  const path = ["routers", name, "nat"];
  const segments = Object.keys(ports);
  if (!segments.includes(nat.out))
    report([...path, "out"], `${name} has no port ${nat.out}${choiceText(nat.out, segments)}`);
  else if (segments.length === 1)
    report([...path, "out"], `${nat.out} is the only port of ${name}: there is nothing to translate`);
  const seen = new Set<string>();
  for (const [index, forward] of nat.forward.entries()) {
    const [what = "", to] = forward.split(" -> ");
    const at = [...path, "forward", index];
    const port = what.startsWith("ip ") ? 1 : Number(/\d+$/.exec(what)?.[0]);
    const [inner, innerPort] = to === undefined ? [] : innerEnd(to);
    const problem = inner === undefined ? undefined : hostAddressProblem(inner);
    if (seen.has(what)) report(at, `${what} is forwarded already`);
    else if (![port, innerPort ?? 1].every(isPort)) report(at, "a port is a number from 1 to 65535");
    else if (what === "ip 115" && innerPort !== undefined) report(at, "IP protocol 115 has no ports");
    else if (problem !== undefined) report(at, problem);
    else if (to === undefined) checkOnlyLcce(scope, at, name, nat.out, report);
    seen.add(what);
  }
}

/** Address and port of ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT. */
function innerEnd(text: string): readonly [address: string, port?: number] {
  const found = /^\[(.*)\]:(\d+)$/.exec(text) ?? /^([^:]*):(\d+)$/.exec(text);
  return found === null ? [text] : [found[1] ?? "", Number(found[2])];
}

function isPort(port: number): boolean {
  return port >= 1 && port <= MOST_PORT;
}

const MOST_PORT = 65_535;

/** The one LCCE behind a router, which everything goes to that is forwarded without an address. */
function checkOnlyLcce({ topology }: Scope, at: KeyPath, router: string, out: string, report: Report): void {
  const inside = topology.routers
    .find(({ name }) => name === router)
    ?.ports.flatMap(({ segment }) => (segment === out ? [] : [segment]));
  const behind = topology.lcces.filter(({ ports, trunk }) =>
    ports.some(({ name, segment }) => name !== trunk && inside?.includes(segment)),
  );
  if (behind.length === 1) return;
  const names = behind.map(({ name }) => name).join(", ");
  const found = behind.length === 0 ? "there is none" : `there are ${names}`;
  report(
    at,
    `without an address this needs exactly one LCCE behind ${router}, and ${found}: add \` -> ADDRESS\``,
  );
}
