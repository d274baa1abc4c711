import { describe, expect, test } from "vitest";
import { obstacleTo, pathMtuOf } from "../../../../src/forwarding/ebpf/plane/obstacles.ts";
import { headerOffsets } from "../../../../src/forwarding/ebpf/programs/options.ts";
import type { PsnEndpoint } from "../../../../src/forwarding/transport.ts";
import type { DataSequencing } from "../../../../src/wire/session-parameters.ts";
import { attachment, pathOver, sessionParameters } from "../../../support/sessions.ts";

/** What keeps a session that numbers its frames in user space. */

const MTU = 1500;
/** An Ethernet header and two tags. */
const LINK_OCTETS = 14 + 8;

function obstacle(
  encapsulation: "udp" | "ip",
  cookieOctets: 0 | 4 | 8,
  sequencing: DataSequencing,
  { fragmentation, mtu }: { readonly fragmentation: PsnEndpoint["fragmentation"]; readonly mtu: number },
): string | undefined {
  const path = pathOver(encapsulation);
  const session = sessionParameters({
    path,
    transmitCookie: new Uint8Array(cookieOctets),
    transmitSublayer: "default",
    transmitSequencing: sequencing,
  });
  const endpoint: PsnEndpoint = {
    encapsulation,
    address: path.localAddress,
    port: path.localPort,
    checksum: "zero",
    gso: "auto",
    control: true,
    controlDscp: 0,
    fragmentation,
  };
  const route = { interfaceName: "eth0", hardware: "ETHER", isLocal: false, interfaceMtu: 9000, mtu };
  const wanted = { session, attachment: attachment({ mtu: MTU }) };
  return obstacleTo(wanted, endpoint, { route, hasPolicies: false });
}

/** TABLE: what the interface takes, what the route says, what is known; and by what programs go. */
const pathMtus: readonly (readonly [number, number, number | undefined, number])[] = [
  [1500, 1500, undefined, 1500],
  [1500, 1400, undefined, 1400],
  [1500, 552, 1500, 1500],
  [1500, 1280, 1492, 1492],
  [1500, 1500, 1400, 1400],
  [1400, 1400, 1500, 1400],
];

test.each(pathMtus)(
  "an interface of %d, a route of %d and a known path MTU of %s: packets of up to %d",
  (interfaceMtu, mtu, pathMtuOctets, octets) => {
    const known = pathMtuOctets === undefined ? {} : { pathMtuOctets };
    expect(pathMtuOf(known, { interfaceMtu, mtu })).toBe(octets);
  },
);

const cases = (["udp", "ip"] as const).flatMap((encapsulation) =>
  ([0, 4, 8] as const).flatMap((cookieOctets) =>
    (["none", "non-ip", "all"] as const).map(
      (sequencing) => [encapsulation, cookieOctets, sequencing] as const,
    ),
  ),
);

describe.each(cases)("%s, cookie of %i, sequencing %s", (encapsulation, cookieOctets, sequencing) => {
  const family = pathOver(encapsulation).remoteAddress.includes(":") ? 6 : 4;
  const places = headerOffsets({ family, encapsulation, cookieOctets, sublayer: true });
  const longest = places.frame + LINK_OCTETS + MTU;
  const at = (mtu: number, fragmentation: PsnEndpoint["fragmentation"]) =>
    obstacle(encapsulation, cookieOctets, sequencing, { fragmentation, mtu });

  test("programs carry what never is fragmented", () => {
    expect(at(longest, "outer")).toBeUndefined();
    expect(at(longest - 1, "none")).toBeUndefined();
  });

  test("RFC 4623: sessions with pseudowire fragments are left to user space", () => {
    expect(at(longest, "pseudowire")).toBe(
      "`fragmentation: pseudowire` puts frames together of fragments, which eBPF programs cannot; " +
        "`outer` leaves that to IP",
    );
  });

  test("what IP may fragment is numbered in one place", () => {
    const found = at(longest - 1, "outer");
    if (sequencing === "none") expect(found).toBeUndefined();
    else
      expect(found).toBe(
        "numbered frames that IP must fragment cannot leave by eBPF programs; " +
          `a path MTU of ${longest} would avoid fragments, this one is ${longest - 1}`,
      );
  });
});
