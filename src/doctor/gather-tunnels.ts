import type { Config, TunnelConfig } from "../config/config.ts";
import { familiesOf } from "../config/ends.ts";
import { chooseEnds, chooseEndsForAny } from "../daemon/choose-ends.ts";
import { frameSizeStatus } from "../daemon/frame-size-status.ts";
import { isUnspecified } from "../daemon/settings.ts";
import { IpsecPolicies } from "../os/ipsec.ts";
import { NameLookups } from "../os/name-lookup.ts";
import { readNeighbours } from "../os/next-hops.ts";
import { OwnEnds } from "../os/own-ends.ts";
import { OWN_ADDRESS, PathMtus } from "../os/path-mtus.ts";
import { ping } from "../os/ping.ts";
import { type RouteFound, routeTo } from "../os/routes.ts";
import type { InterfaceFacts, PathFacts, Seen, TunnelFacts } from "./facts.ts";
import { see, seeWithin } from "./limit.ts";

/** Of more tunnels only so many are looked at, and so many peers asked: that is bounded in time. */
export const MOST_TUNNELS = 512;
const MOST_PINGS = 128;
const NAME_LIMIT_MS = 5000;
const PING_LIMIT_MS = 1000;

type Named = NonNullable<TunnelFacts["name"]>;
type Ends = { readonly local: string; readonly remote: string };

interface Found {
  readonly config: TunnelConfig;
  readonly name: Named | undefined;
  readonly ends: Seen<Ends>;
  readonly route: Seen<RouteFound> | undefined;
}

/** What there is to know of the tunnels of a file; `asks` whether their peers are asked for an echo. */
export async function gatherTunnels(
  config: Config,
  interfaces: readonly InterfaceFacts[],
  asks: boolean,
): Promise<readonly TunnelFacts[]> {
  const tunnels = config.tunnels.slice(0, MOST_TUNNELS);
  const lookups = new NameLookups();
  const names = await Promise.all(tunnels.map((tunnel) => nameOf(tunnel, lookups)));
  using own = new OwnEnds();
  const found: Found[] = [];
  for (const [index, tunnel] of tunnels.entries()) {
    const name = names[index];
    const ends = endsOf(tunnel, name, own);
    found.push({ config: tunnel, name, ends, route: await routeOf(ends) });
  }
  const echoes = asks ? await echoesOf(found) : [];
  const errors = sendErrors(found, interfaces);
  const policies = see(() => IpsecPolicies.read());
  return found.map((one, index) => ({
    ...{ config: one.config, ends: one.ends, circuits: circuitsOf(one.config, interfaces) },
    ...(one.name === undefined ? {} : { name: one.name }),
    sendError: errors[index],
    path: one.route && pathOf(one.route),
    hasIpsec: hasIpsec(one, policies),
    echo: echoes[index],
  }));
}

async function nameOf({ local, remote }: TunnelConfig, lookups: NameLookups): Promise<Named | undefined> {
  if (remote.kind !== "name") return undefined;
  const families = familiesOf(local);
  const asked = await seeWithin(NAME_LIMIT_MS, () => lookups.ask(remote.name, families));
  if (asked.value === undefined) return { addresses: [], problem: asked.unseen };
  // As the daemon does: those of IPv6 first.
  const answers = families.toReversed().flatMap((family) => asked.value.get(family) ?? []);
  const addresses = answers.flatMap((answer) => answer.addresses?.map(({ address }) => address) ?? []);
  const problem = answers.flatMap((answer) => (answer.addresses === undefined ? [answer.problem] : []))[0];
  return { addresses, problem };
}

function endsOf({ local, remote }: TunnelConfig, name: Named | undefined, own: OwnEnds): Seen<Ends> {
  const seen = see(() => {
    if (remote.kind === "any") {
      const families = familiesOf(local).filter((family) => familiesOf(remote).includes(family));
      return chooseEndsForAny(local, families, undefined, own);
    }
    const remotes = remote.kind === "address" ? [remote.address] : (name?.addresses ?? []);
    return chooseEnds(local, remotes, undefined, own);
  });
  if (seen.value === undefined) return seen;
  if ("problem" in seen.value) return { unseen: seen.value.problem };
  return { value: { local: seen.value.localAddress, remote: seen.value.remoteAddress } };
}

async function routeOf({ value }: Seen<Ends>): Promise<Seen<RouteFound> | undefined> {
  if (value === undefined || isUnspecified(value.remote)) return undefined;
  return seeWithin(PING_LIMIT_MS, () => routeTo(value.remote, value.local));
}

function pathOf(route: Seen<RouteFound>): Seen<PathFacts> {
  if (route.value === undefined) return route;
  const { interfaceName, nextHopText: nextHop, mtu, interfaceMtu, completesOffloads, hardware } = route.value;
  return { value: { interfaceName, nextHop, mtu, interfaceMtu, completesOffloads, hardware } };
}

/** As of machine notes: from an address that is not there no route is known. */
function sendErrors(
  found: readonly Found[],
  interfaces: readonly InterfaceFacts[],
): readonly (string | undefined)[] {
  const isThere = (address: string) => interfaces.some(({ addresses }) => addresses.includes(address));
  const isLoopback = (address: string) => address === "::1" || address.startsWith("127.");
  using routes = PathMtus.open();
  return found.map(({ ends: { value } }) => {
    if (value === undefined || isUnspecified(value.remote)) return undefined;
    const { local, remote } = value;
    if (!isThere(local)) return isThere(remote) ? OWN_ADDRESS : undefined;
    const [error] = routes.sendErrors([{ localAddress: local, remoteAddress: remote }]);
    return error === OWN_ADDRESS && isLoopback(local) && isLoopback(remote) ? undefined : error;
  });
}

function circuitsOf(tunnel: TunnelConfig, interfaces: readonly InterfaceFacts[]): TunnelFacts["circuits"] {
  return tunnel.pseudowires.map((pseudowire) => {
    const { name, circuit } = pseudowire;
    const own =
      circuit.kind === "interface" ? interfaces.find((each) => each.name === circuit.device) : undefined;
    const frameSize = frameSizeStatus(tunnel, pseudowire, undefined, undefined, own?.mtu);
    return { pseudowire: name, circuit, frameSize };
  });
}

function hasIpsec({ config, ends, route }: Found, policies: Seen<IpsecPolicies>): Seen<boolean> {
  if (policies.value === undefined) return policies;
  if (ends.value === undefined || route?.value === undefined) return { value: false };
  const { local: localAddress, remote: remoteAddress } = ends.value;
  const { encapsulation, localPort, remotePort } = config;
  const { interfaceIndex } = route.value;
  const flow = { localAddress, remoteAddress, encapsulation, localPort, remotePort, interfaceIndex };
  return { value: policies.value.holdFor(flow) };
}

/** Which peers answer; those whose next hop says nothing at all are told apart. */
async function echoesOf(found: readonly Found[]): Promise<readonly TunnelFacts["echo"][]> {
  const asked = found.flatMap(({ ends, route }, index) =>
    ends.value !== undefined && route?.value !== undefined && !route.value.isLocal
      ? [{ index, path: ends.value, route: route.value }]
      : [],
  );
  const now = asked.slice(0, MOST_PINGS);
  const answers = await ping(
    now.map(({ path }) => path),
    PING_LIMIT_MS,
  );
  const silent = new Set(
    (see(readNeighbours).value ?? [])
      .filter(({ isUnanswered }) => isUnanswered)
      .map(({ interfaceIndex, address }) => `${interfaceIndex} ${address}`),
  );
  const echoes: TunnelFacts["echo"][] = found.map(() => undefined);
  for (const { index } of asked) echoes[index] = { unseen: `only ${MOST_PINGS} peers are asked` };
  for (const [at, { index, route }] of now.entries()) {
    const answer = answers[at];
    if (typeof answer === "object") echoes[index] = { unseen: `it needs root (${answer.message})` };
    else if (answer === true) echoes[index] = { value: "answered" };
    else {
      const isHop = silent.has(`${route.interfaceIndex} ${route.nextHopText}`);
      echoes[index] = { value: isHop ? "next hop silent" : "silent" };
    }
  }
  return echoes;
}
