import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { deviceFeatures } from "../../src/os/device-features.ts";
import { SystemError } from "../../src/os/errors.ts";
import { createInterfacePair, deleteInterfacePair, findInterface } from "../../src/os/interface-pairs.ts";
import { openLinks } from "../../src/os/links.ts";
import { TestNamespace } from "../support/namespace.ts";

let namespace: TestNamespace;
let entered: Disposable;

beforeAll(async () => {
  namespace = await TestNamespace.make("wst-pairs");
  for (const key of ["all", "default"])
    await namespace.exec("sysctl", "-qw", `net.ipv6.conf.${key}.disable_ipv6=0`);
  entered = namespace.enter();
});

afterAll(async () => {
  entered[Symbol.dispose]();
  await namespace[Symbol.asyncDispose]();
});

/** What ip(8) says of an interface. */
async function shown(name: string): Promise<Record<string, unknown>> {
  const { stdout } = await run(["ip", "-json", "-details", "addr", "show", "dev", name]);
  return JSON.parse(stdout)[0];
}

describe("a veth pair", () => {
  test("comes up with the given MTUs, without IPv6 at one end, and is deleted by either end", async () => {
    await createInterfacePair({ name: "pw-a", mtu: 1400 }, { name: "pw-a.in", mtu: 9000, withoutIpv6: true });
    const [outer, inner] = [await shown("pw-a"), await shown("pw-a.in")];
    expect(outer).toMatchObject({ mtu: 1400, operstate: "UP", linkinfo: { info_kind: "veth" } });
    expect(inner).toMatchObject({ mtu: 9000, operstate: "UP", addr_info: [] });
    expect(outer["addr_info"]).toMatchObject([{ family: "inet6", scope: "link" }]);
    expect(await findInterface("pw-a")).toEqual({
      name: "pw-a",
      index: outer["ifindex"],
      kind: "veth",
      peer: { name: "pw-a.in", index: inner["ifindex"] },
    });
    await deleteInterfacePair("pw-a.in");
    expect(await findInterface("pw-a")).toBeUndefined();
    await deleteInterfacePair("pw-a");
  });

  test("segments GSO packets, leaves checksums partial and coalesces what it receives", async () => {
    const offloads = "checksums";
    await createInterfacePair(
      { name: "tcp", mtu: 1500, offloads, gro: true },
      { name: "tcp.in", mtu: 1500, offloads, steersReceived: true },
    );
    const segmenting = { checksums: true, scatterGather: true, tcpSegmentation: false };
    expect(deviceFeatures("tcp")).toEqual({ ...segmenting, gro: true });
    expect(deviceFeatures("tcp.in")).toEqual({ ...segmenting, gro: false });
    expect(await shown("tcp")).toMatchObject({ gso_max_segs: 1 });
    await deleteInterfacePair("tcp");
  });

  test("without offloads at one end: the kernel completes checksums and segments only there", async () => {
    await createInterfacePair({ name: "seg", mtu: 1500, offloads: "none" }, { name: "seg.in", mtu: 1500 });
    expect(deviceFeatures("seg")).toEqual({
      checksums: false,
      scatterGather: true,
      tcpSegmentation: false,
      gro: false,
    });
    expect(deviceFeatures("seg.in")).toEqual({
      checksums: true,
      scatterGather: true,
      tcpSegmentation: true,
      gro: false,
    });
    await deleteInterfacePair("seg");
  });

  test("that cannot be made says why, and leaves nothing", async () => {
    const make = (name: string, mtu = 1500) =>
      createInterfacePair({ name: "half", mtu: 1500 }, { name, mtu }).catch((error: unknown) => error);
    expect(await make("left")).toMatchObject({ errno: "EEXIST", operation: "create a veth pair" });
    expect(await make("a-name-of-17-char")).toBeInstanceOf(SystemError);
    expect(await make("other", 12)).toMatchObject({
      errno: "EINVAL",
      message: expect.stringContaining("MTU"),
    });
    expect(await findInterface("half")).toBeUndefined();
  });
});

test("a netkit pair is told for one and deleted, or refused by a kernel that has none", async () => {
  const made = await createInterfacePair(
    { name: "kit", mtu: 9000 },
    { name: "kit.in", mtu: 1500 },
    "netkit",
  ).catch((error: unknown) => error);
  if (made !== undefined) {
    expect(made).toMatchObject({ errno: "EOPNOTSUPP", message: expect.stringContaining("netkit driver") });
    expect(await findInterface("kit")).toBeUndefined();
    return;
  }
  expect(await findInterface("kit")).toMatchObject({ kind: "netkit", peer: { name: "kit.in" } });
  expect(await shown("kit")).toMatchObject({ mtu: 9000, linkinfo: { info_kind: "netkit" } });
  await deleteInterfacePair("kit");
  expect(await findInterface("kit.in")).toBeUndefined();
});

describe("an interface is told for what it is", () => {
  test("by its kind, and a pair whose other end is elsewhere has no peer here", async () => {
    expect(await findInterface("lo")).toMatchObject({ index: 1, kind: "" });
    expect(await findInterface("nobody")).toBeUndefined();
    await run(["ip", "link", "add", "name", "bridge", "type", "bridge"]);
    expect(await findInterface("bridge")).toMatchObject({ kind: "bridge" });
    await createInterfacePair({ name: "here", mtu: 1500 }, { name: "there", mtu: 1500 });
    await using elsewhere = await TestNamespace.make("wst-elsewhere");
    await run(["ip", "link", "set", "there", "netns", elsewhere.name]);
    const found = await findInterface("here");
    expect(found).toMatchObject({ kind: "veth" });
    expect(found).not.toHaveProperty("peer");
  });

  test("and what is no pair is not deleted as one", async () => {
    await expect(deleteInterfacePair("lo")).rejects.toMatchObject({ errno: "EINVAL" });
  });
});

test("all interfaces are told with their indices", async () => {
  const links = await openLinks();
  const all = links.all();
  links.close();
  expect(all).toContainEqual(links.get("left"));
  expect(all.find(({ name }) => name === "lo")).toMatchObject({ index: 1 });
});
