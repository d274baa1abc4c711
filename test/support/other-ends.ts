import fc from "fast-check";
import { stringify } from "yaml";
import { toHex } from "../../src/bytes/hex.ts";
import type { TunnelConfig } from "../../src/config/config.ts";
import { localText, remoteText } from "../../src/config/ends.ts";

/** What of a tunnel both ends have to agree on; `exchanged` is the same as the other end has it. */
interface Agreement {
  readonly local: string | undefined;
  readonly remote: string;
  readonly ports: readonly number[];
  readonly encapsulation: string;
  readonly checksum: string;
  readonly role: string | undefined;
  readonly authentication: unknown;
  readonly pseudowires: readonly PseudowireAgreement[];
}

interface PseudowireAgreement {
  readonly endId: string | undefined;
  readonly type: string | undefined;
  readonly vlan: readonly number[] | undefined;
  readonly mtu: number;
  /** Octets of cookies that each end demands; of a static session the cookies are below. */
  readonly cookieOctets: number | undefined;
  readonly ids: readonly number[] | undefined;
  readonly cookies: readonly string[] | undefined;
  readonly sublayers: readonly string[];
  readonly sequencing: readonly string[];
}

/** What a tunnel has to agree on with its other end. */
export function agreementOf(tunnel: TunnelConfig): Agreement {
  const { control } = tunnel;
  return {
    local: localText(tunnel.local),
    remote: remoteText(tunnel.remote),
    ports: [tunnel.localPort, tunnel.remotePort],
    encapsulation: tunnel.encapsulation,
    checksum: tunnel.checksum === "zero" ? "zero" : "any",
    role: control?.role,
    authentication: control && {
      mode: control.authentication.mode,
      digest: control.authentication.digestType,
      hides: control.authentication.hideAvps,
      secrets: control.authentication.secrets.length,
    },
    pseudowires: tunnel.pseudowires.map((one) => {
      const { staticSession: fixed, circuit } = one;
      return {
        endId: fixed === undefined ? toHex(one.remoteEndId) : undefined,
        type: fixed === undefined ? one.type : undefined,
        vlan: circuit.vlan && [circuit.vlan.idOnPseudowire, circuit.vlan.protocol],
        mtu: one.mtu,
        cookieOctets: fixed === undefined ? one.cookieOctets : undefined,
        ids: fixed && [fixed.localSessionId, fixed.remoteSessionId],
        cookies: fixed && [toHex(fixed.receiveCookie), toHex(fixed.transmitCookie)],
        sublayers: [one.sublayer, fixed?.transmitSublayer ?? one.sublayer],
        sequencing: [one.sequencing, fixed?.transmitSequencing ?? one.sequencing],
      };
    }),
  };
}

const exchangedRoles: Readonly<Record<string, string>> = { initiator: "responder", responder: "initiator" };

function reversed<T>(pair: readonly T[] | undefined): readonly T[] | undefined {
  return pair?.toReversed();
}

/** An agreement as the other end has it. */
export function exchanged(agreement: Agreement): Agreement {
  const { local, remote, role, ports, pseudowires } = agreement;
  return {
    ...agreement,
    local: remote,
    remote: local ?? "",
    ports: ports.toReversed(),
    role: role === undefined ? undefined : (exchangedRoles[role] ?? role),
    pseudowires: pseudowires.map((one) => ({
      ...one,
      ids: reversed(one.ids),
      cookies: reversed(one.cookies),
      sublayers: one.sublayers.toReversed(),
      sequencing: one.sequencing.toReversed(),
    })),
  };
}

/** What the tunnels of a kind of peer are drawn from. */
export interface TunnelSpace {
  readonly control: readonly ("negotiated" | "static")[];
  readonly encapsulations: readonly ("udp" | "ip")[];
  readonly families: readonly (4 | 6)[];
  readonly cookieOctets: readonly (0 | 4 | 8)[];
  readonly mostPseudowires: number;
  readonly highestId: number;
  /** Pairs of sublayer and sequencing, of what we receive and of what we send. */
  readonly frames: readonly (readonly [Frames, Frames])[];
  readonly hasNumbersAsEndIds: boolean;
  readonly hasSecrets: boolean;
  readonly hasVlans: boolean;
}

type Frames = readonly ["none" | "default", "none" | "non-ip" | "all"];

const addresses = { 4: ["192.0.2.1", "192.0.2.2"], 6: ["2001:db8::1", "2001:db8::2"] } as const;

const cookie = (octets: readonly number[]) =>
  fc
    .constantFrom(...octets)
    .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }))
    .map(toHex);

const pseudowire = (space: TunnelSpace, isStatic: boolean) =>
  fc
    .record({
      ids: fc.tuple(
        fc.integer({ min: 1, max: space.highestId }),
        fc.integer({ min: 1, max: space.highestId }),
      ),
      cookies: fc.tuple(cookie(space.cookieOctets), cookie(space.cookieOctets)),
      octets: fc.constantFrom(...space.cookieOctets),
      frames: fc.constantFrom(...space.frames),
      vlan: space.hasVlans
        ? fc.option(fc.tuple(fc.integer({ min: 1, max: 4094 }), fc.constantFrom("802.1q", "802.1ad")))
        : fc.constant(null),
      mtu: fc.constantFrom(1500, 1400, 9000),
      endId: space.hasNumbersAsEndIds
        ? fc.integer({ min: 1, max: 0xffff_ffff }).map(String)
        : fc.oneof(
            fc.integer({ min: 0, max: 0xffff_ffff }),
            fc.string({ minLength: 1, maxLength: 9, unit: "grapheme-ascii" }),
          ),
    })
    .map(({ ids, cookies, octets, frames: [receives, sends], vlan, mtu, endId }) => ({
      mtu,
      vlan,
      sublayer: receives[0],
      sequencing: receives[1],
      ...(isStatic
        ? {
            static: {
              local_session_id: ids[0],
              remote_session_id: ids[1],
              receive_cookie: cookies[0],
              transmit_cookie: cookies[1],
              transmit_sublayer: sends[0],
              transmit_sequencing: sends[1],
            },
          }
        : { cookie: octets, remote_end_id: endId }),
    }));

/** Texts of files with one tunnel `t` that a kind of peer can have. */
export function fileTexts(space: TunnelSpace): fc.Arbitrary<string> {
  return fc
    .record({
      control: fc.constantFrom(...space.control),
      encapsulation: fc.constantFrom(...space.encapsulations),
      family: fc.constantFrom(...space.families),
      ports: fc.option(fc.tuple(fc.integer({ min: 1, max: 65_535 }), fc.integer({ min: 1, max: 65_535 }))),
      role: fc.constantFrom("either", "initiator", "responder"),
      hasSecret: fc.boolean(),
      digest: fc.constantFrom("md5", "sha1"),
      checksum: fc.constantFrom("auto", "zero"),
    })
    .chain((tunnel) =>
      fc
        .array(pseudowire(space, tunnel.control === "static"), {
          minLength: 1,
          maxLength: space.mostPseudowires,
        })
        .map((pseudowires) => fileText(tunnel, pseudowires, space)),
    );
}

interface DrawnTunnel {
  readonly control: "negotiated" | "static";
  readonly encapsulation: "udp" | "ip";
  readonly family: 4 | 6;
  readonly ports: readonly [number, number] | null;
  readonly role: string;
  readonly hasSecret: boolean;
  readonly digest: string;
  readonly checksum: string;
}

function fileText(
  drawn: DrawnTunnel,
  pseudowires: readonly { readonly vlan: readonly [number, string] | null }[],
  { hasSecrets }: TunnelSpace,
): string {
  const [local, remote] = addresses[drawn.family];
  const isNegotiated = drawn.control === "negotiated";
  const ports =
    drawn.encapsulation === "udp" && drawn.ports !== null
      ? { local_port: drawn.ports[0], remote_port: drawn.ports[1] }
      : {};
  const control = isNegotiated
    ? {
        role: drawn.role,
        ...(hasSecrets && drawn.hasSecret ? { secret: { file: "/s" }, digest: drawn.digest } : {}),
      }
    : { control: "static" };
  // A checksum of UDP is a matter of both ends over IPv6 alone.
  const checksum =
    drawn.family === 6 && drawn.encapsulation === "udp" ? { udp_checksum: drawn.checksum } : {};
  const entries = pseudowires.map(({ vlan, ...keys }, index) => {
    const tagged = vlan === null ? {} : { vlan: vlan[0], vlan_protocol: vlan[1] };
    return [`p${index}`, { circuit: { interface: `if${index}`, ...tagged }, ...keys }];
  });
  const tunnel = {
    ...{ local, remote, encapsulation: drawn.encapsulation },
    ...ports,
    ...control,
    ...checksum,
    pseudowires: Object.fromEntries(entries),
  };
  return stringify({ tunnels: { t: tunnel } });
}
