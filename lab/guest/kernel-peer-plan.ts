import type { Encapsulation } from "../../src/wire/session-parameters.ts";

/**
 * Plan of the interoperability test of Wirespan and the Linux kernel's l2tp: the sessions, the commands that
 * create each end, and the names of the checks. Pure, so that the test knows every check before the guest has
 * run.
 */

/** Namespaces of the guest: the kernel's end, Wirespan's end, and hosts behind Wirespan. */
export const nodes = { kernel: "kernel", wirespan: "wirespan", site: "site" } as const;
export const PEER_VLAN = 111;
/** VLAN ID at Wirespan's circuit where a session translates it. */
const CIRCUIT_VLAN = 222;

export interface Transport {
  readonly name: "udp4" | "udp6" | "ip4" | "ip6";
  readonly encapsulation: Encapsulation;
  readonly kernelAddress: string;
  readonly wirespanAddress: string;
}

const v4 = { kernelAddress: "192.0.2.1", wirespanAddress: "192.0.2.2" };
const v6 = { kernelAddress: "2001:db8::1", wirespanAddress: "2001:db8::2" };

export const transports: readonly Transport[] = [
  { name: "udp4", encapsulation: "udp", ...v4 },
  { name: "udp6", encapsulation: "udp", ...v6 },
  { name: "ip4", encapsulation: "ip", ...v4 },
  { name: "ip6", encapsulation: "ip", ...v6 },
];

interface Variant {
  readonly text: string;
  readonly cookieOctets: 0 | 4 | 8;
  readonly sublayer: "none" | "default";
  readonly sequenced?: boolean;
  /** The ends have different cookies, by one bit of the last octet. */
  readonly wrongCookie?: boolean;
  /** Only one VLAN is carried, and translated. */
  readonly translated?: boolean;
}

const variants: readonly Variant[] = [
  { text: "cookie8 default", cookieOctets: 8, sublayer: "default" },
  { text: "cookie0 none", cookieOctets: 0, sublayer: "none" },
  { text: "cookie4 none", cookieOctets: 4, sublayer: "none" },
  { text: "cookie8 default sequenced", cookieOctets: 8, sublayer: "default", sequenced: true },
  { text: "wrong cookie", cookieOctets: 8, sublayer: "default", wrongCookie: true },
];
const translated: Variant = {
  text: "vlan translated",
  cookieOctets: 8,
  sublayer: "default",
  translated: true,
};

/** A static session, its interface at the kernel's end and its circuit at Wirespan's. */
export interface PeerSession extends Variant {
  readonly name: string;
  readonly transport: Transport;
  /** From 1; ids, cookies, interface names and subnets derive from it. */
  readonly number: number;
  /** TAP devices and existing interfaces take turns among the variants. */
  readonly attachment: "tap" | "interface";
  readonly kernelInterface: string;
  /** Interface of the host at Wirespan's end, and its namespace. */
  readonly hostInterface: string;
  readonly hostNode: string;
  /** Wirespan's circuit. */
  readonly circuit: string;
}

function sessionOf(transport: Transport, variant: Variant, number: number, isTap: boolean): PeerSession {
  return {
    ...variant,
    name: `${transport.name} ${variant.text} ${isTap ? "tap" : "interface"}`,
    transport,
    number,
    attachment: isTap ? "tap" : "interface",
    kernelInterface: `k${number}`,
    hostInterface: isTap ? `t${number}` : `h${number}`,
    hostNode: isTap ? nodes.wirespan : nodes.site,
    circuit: isTap ? `t${number}` : `p${number}`,
  };
}

function planSessions(): readonly PeerSession[] {
  const everywhere = transports.flatMap((transport, row) =>
    variants.map((variant, column) => ({ transport, variant, isTap: (row + column) % 2 === 0 })),
  );
  const alone = transports
    .filter(({ name }) => name === "udp4" || name === "ip6")
    .map((transport, row) => ({ transport, variant: translated, isTap: row === 0 }));
  return [...everywhere, ...alone].map(({ transport, variant, isTap }, index) =>
    sessionOf(transport, variant, index + 1, isTap),
  );
}

export const sessions: readonly PeerSession[] = planSessions();

/** Names of the checks of one session, in the order they are made. */
export function checkNames(session: PeerSession): readonly string[] {
  const { name } = session;
  if (session.wrongCookie) return [`${name}: Wirespan drops and counts`, `${name}: the kernel drops`];
  const tagged = [
    `${name}: tagged pings across VLAN ${PEER_VLAN}`,
    `${name}: 1500 octets with a tag and DF cross`,
  ];
  return session.translated ? tagged : [`${name}: pings`, `${name}: 1500 octets with DF cross`, ...tagged];
}

/** The sessions that carry bulk TCP, one for each kind of circuit; their hosts send GSO packets. */
export const bulkSessions: readonly PeerSession[] = [
  ...sessions.filter(({ name }) => name === "udp4 cookie8 default tap"),
  ...sessions.filter(({ name }) => name === "ip6 cookie8 default interface"),
];

/** Sequenced sessions that the kernel recreates while Wirespan's sequence numbers continue. */
export const recreatedSessions: readonly PeerSession[] = sessions.filter(
  ({ sequenced, attachment }) => sequenced && attachment === "interface",
);

/**
 * Sessions that continue after a restart of Wirespan, one for each transport. None is sequenced: the kernel
 * drops frames numbered from 0 again until the numbers have passed those that it knew.
 */
export const restartedSessions: readonly PeerSession[] = transports.flatMap((transport) =>
  sessions
    .filter((session) => session.transport === transport && session.attachment === "interface")
    .filter(({ sequenced, wrongCookie, translated }) => !(sequenced || wrongCookie || translated))
    .slice(0, 1),
);

export function bulkName({ name }: PeerSession): string {
  return `${name}: TCP both ways`;
}

export function recreationName({ name }: PeerSession): string {
  return `${name}: pings pass after the kernel made its session anew`;
}

export function restartName({ name }: PeerSession): string {
  return `${name}: pings pass after a restart of Wirespan`;
}

export const generalNames = {
  imported: "wirespan import makes of what ip l2tp shows the other ends of our sessions",
  start: "Wirespan starts with every static session",
  clean: "no session discarded what it should have passed",
  stop: "Wirespan ends at SIGTERM",
  restart: "Wirespan starts again",
} as const;

/** Every check that the guest reports. */
export const allCheckNames: readonly string[] = [
  generalNames.imported,
  generalNames.start,
  ...sessions.flatMap(checkNames),
  ...bulkSessions.map(bulkName),
  generalNames.clean,
  ...recreatedSessions.map(recreationName),
  generalNames.stop,
  generalNames.restart,
  ...restartedSessions.map(restartName),
];

/** One line of the guest's report. */
export interface PeerCheckResult {
  readonly check: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Both ids have the highest bit set: neither end may treat them as signed numbers. */
function idsOf(number: number): { readonly kernel: number; readonly wirespan: number } {
  return { kernel: 0x8000_0000 + number, wirespan: 0xf000_0000 + number };
}

/** The cookie that `receiver` demands, in hexadecimal. */
function cookieOf(receiver: "kernel" | "wirespan", { number, cookieOctets }: PeerSession): string {
  const first = receiver === "kernel" ? 0xc0 : 0x10;
  const octets = Array.from({ length: cookieOctets }, (_, index) => (first + index * 17 + number) & 0xff);
  return Buffer.from(octets).toString("hex");
}

/** The same cookie but for the lowest bit. */
function withWrongBit(cookie: string): string {
  const last = Number.parseInt(cookie.slice(-2), 16) ^ 1;
  return cookie.slice(0, -2) + last.toString(16).padStart(2, "0");
}

/** Id of a tunnel at the kernel's end: `wirespan peer-config` takes that of its first session. */
function connectionId(transport: Transport): number {
  const first = sessions.find((session) => session.transport === transport);
  return idsOf(first?.number ?? 0).kernel;
}

/** Names that `wirespan peer-config` gives the kernel's interfaces of a session. */
export function namesAtPeer({ number, translated }: PeerSession): {
  readonly device: string;
  readonly vlan: string | undefined;
} {
  const id = idsOf(number).kernel;
  return { device: `l2tp${id}`, vlan: translated ? `vlan${id}` : undefined };
}

/**
 * Arguments of `ip` that create the kernel's end of a session once more: its `cookie` is the one that it
 * sends, `peer_cookie` the one that it demands.
 */
export function kernelSession(session: PeerSession): string {
  const ids = idsOf(session.number);
  const sent = cookieOf("wirespan", session);
  const cookies =
    session.cookieOctets === 0 ? "" : ` cookie ${sent} peer_cookie ${cookieOf("kernel", session)}`;
  const sequencing = session.sequenced ? " seq both" : "";
  const name = `name ${session.kernelInterface} tunnel_id ${connectionId(session.transport)}`;
  const numbers = `session_id ${ids.kernel} peer_session_id ${ids.wirespan}`;
  return `l2tp add session ${name} ${numbers}${cookies} l2spec_type ${session.sublayer}${sequencing}`;
}

/** Arguments of `ip` that delete it. */
export function kernelSessionEnd({ transport, number }: PeerSession): string {
  return `l2tp del session tunnel_id ${connectionId(transport)} session_id ${idsOf(number).kernel}`;
}

function pseudowireOf(session: PeerSession, hasMistakes: boolean): object {
  const ids = idsOf(session.number);
  const adapt = session.wrongCookie && hasMistakes ? withWrongBit : (cookie: string) => cookie;
  const vlan = session.translated ? { vlan: CIRCUIT_VLAN, vlan_on_pseudowire: PEER_VLAN } : {};
  return {
    circuit: { [session.attachment]: session.circuit, ...vlan },
    sublayer: session.sublayer,
    sequencing: session.sequenced ? "all" : "none",
    static: {
      local_session_id: ids.wirespan,
      remote_session_id: ids.kernel,
      receive_cookie: adapt(cookieOf("wirespan", session)),
      transmit_cookie: adapt(cookieOf("kernel", session)),
    },
  };
}

/**
 * Wirespan's configuration with all sessions; without mistakes all cookies are those that the kernel has.
 */
export function wirespanConfig(controlSocket: string, hasMistakes: boolean): object {
  const tunnels = transports.map((transport) => {
    const own = sessions.filter((session) => session.transport === transport);
    const { encapsulation, wirespanAddress, kernelAddress, name } = transport;
    const pseudowires = Object.fromEntries(
      own.map((session) => [pseudowireName(session), pseudowireOf(session, hasMistakes)]),
    );
    return [
      name,
      { local: wirespanAddress, remote: kernelAddress, encapsulation, control: "static", pseudowires },
    ];
  });
  return {
    lcce: { host_name: "wirespan", control_socket: controlSocket },
    log: { format: "json" },
    // The kernel's l2tp verifies checksums that veth leaves unfinished, and keeps sequence numbers of its
    // own.
    plane: "userspace",
    tunnels: Object.fromEntries(tunnels),
  };
}

export function pseudowireName({ number }: PeerSession): string {
  return `session-${number}`;
}

/** VLAN ID of the tagged frames at the host behind Wirespan. */
export function hostVlan(session: PeerSession): number {
  return session.translated ? CIRCUIT_VLAN : PEER_VLAN;
}

/** Addresses in the session's own subnets, without and with a tag. */
export function hostAddress(
  { number }: PeerSession,
  end: "kernel" | "site",
  tagging: "untagged" | "tagged",
): string {
  return `10.${tagging === "untagged" ? 1 : 2}.${number}.${end === "kernel" ? 1 : 2}`;
}
