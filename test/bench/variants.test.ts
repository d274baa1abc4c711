import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { candidates, usual } from "../../lab/bench/candidates.ts";
import { configOf as manyConfig } from "../../lab/bench/many-sessions.ts";
import { configOf, type Variant, variantName } from "../../lab/bench/wirespan-variant.ts";

const variant: Variant = {
  plane: "userspace",
  encapsulation: "udp",
  family: 4,
  cookie: 8,
  circuit: "existing",
};

describe("candidates", () => {
  test("are every plane by encapsulation, family and cookie, new interfaces, MTUs, and the others", () => {
    const names = candidates.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => name.startsWith("Wirespan"))).toHaveLength(2 * (2 * 2 * 3 + 2 + 2 * 3));
    expect(names.slice(0, 2)).toEqual(["plain bridge", "kernel VXLAN"]);
  });

  test("without a choice are the kernel's, OpenVPN's, and each plane by one family and cookie", () => {
    const ours = candidates.filter(({ name }) => usual.test(name) && name.startsWith("Wirespan"));
    expect(ours.map(({ name }) => name)).toEqual([
      "Wirespan userspace, UDP, IPv4, cookie 8",
      "Wirespan userspace, IP 115, IPv4, cookie 8",
      "Wirespan userspace, UDP, IPv4, cookie 8, new interface in a bridge",
      "Wirespan userspace, IP 115, IPv4, cookie 8, new interface in a bridge",
      "Wirespan eBPF, UDP, IPv4, cookie 8",
      "Wirespan eBPF, IP 115, IPv4, cookie 8",
      "Wirespan eBPF, UDP, IPv4, cookie 8, new interface in a bridge",
      "Wirespan eBPF, IP 115, IPv4, cookie 8, new interface in a bridge",
    ]);
  });
});

describe("configurations", () => {
  test("name an existing interface, or a new one and its bridge", () => {
    const lan = (circuit: Variant["circuit"]) =>
      parse(configOf("a", { ...variant, circuit })).tunnels.peer.pseudowires.lan;
    expect(lan("existing")).toEqual({ circuit: { interface: "trunk" }, cookie: 8 });
    expect(lan("new")).toEqual({ circuit: { tap: "pw", bridge: "br0" }, cookie: 8 });
  });

  test.each<[Partial<Variant>, string | undefined, string | undefined]>([
    [{}, "userspace", undefined],
    [{ family: 6 }, "userspace", undefined],
    [{ plane: "ebpf" }, "ebpf", undefined],
    [{ plane: "ebpf", family: 6 }, "ebpf", "zero"],
    [{ plane: "ebpf", family: 6, encapsulation: "ip" }, "ebpf", undefined],
  ])("with %j ask for plane %s and UDP checksum %s", (changes, plane, checksum) => {
    const config = parse(configOf("b", { ...variant, ...changes }));
    expect(config.plane).toBe(plane);
    expect(config.tunnels.peer.udp_checksum).toBe(checksum);
  });

  test("switch the MSS clamp off", () => {
    const { lan } = parse(configOf("a", { ...variant, mssClamp: "off" })).tunnels.peer.pseudowires;
    expect(lan.mss_clamp).toBe("off");
  });

  test("are told apart by their names", () => {
    expect(variantName({ ...variant, plane: "ebpf", circuit: "new", cookie: 0 })).toBe(
      "Wirespan eBPF, UDP, IPv4, cookie 0, new interface in a bridge",
    );
    expect(variantName({ ...variant, wanMtu: 1500, mssClamp: "off" })).toBe(
      "Wirespan userspace, UDP, IPv4, cookie 8, WAN of 1500, no MSS clamp",
    );
  });

  test("of many static sessions mirror each other, and the site's comes last", () => {
    const many = { sessions: 5000, control: "static", plane: "userspace" } as const;
    const [a, b] = (["a", "b"] as const).map((side) => parse(manyConfig(side, many)).tunnels.peer);
    expect(a.pseudowires).toEqual(b.pseudowires);
    const entries = Object.entries<{ circuit: object; static: { local_session_id: number } }>(a.pseudowires);
    expect(entries).toHaveLength(5000);
    expect(new Set(entries.map(([, { circuit }]) => JSON.stringify(circuit))).size).toBe(5000);
    expect(new Set(entries.map(([, { static: ids }]) => ids.local_session_id)).size).toBe(5000);
    expect(entries.at(-1)?.[1]).toMatchObject({ circuit: { interface: "trunk" } });
  });
});
