import { execFileSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { close } from "../../src/os/libc.ts";
import { type LinkState, type Links, openLinks, readLinkStates } from "../../src/os/links.ts";
import { openTap } from "../../src/os/tap-device.ts";
import { eventually } from "../support/lab.ts";
import { TestNamespace } from "../support/namespace.ts";
import { withoutCapability } from "../support/without-capability.ts";

let namespace: TestNamespace;
let entered: Disposable;
let links: Links;
let told: (readonly [string, LinkState | undefined])[];

beforeEach(async () => {
  namespace = await TestNamespace.make("wst-links");
  entered = namespace.enter();
  links = await openLinks();
  told = [];
  links.watch((name, state) => told.push([name, state]));
});

afterEach(async () => {
  links.close();
  links.close();
  entered[Symbol.dispose]();
  await namespace[Symbol.asyncDispose]();
});

const ip = (words: string) => namespace.ip(words);
/** Has it done before any notification has its turn. */
const ipNow = (words: string) => execFileSync("ip", words.split(" "));
const last = (name: string) => told.filter(([of]) => of === name).at(-1)?.[1];
const indexOf = (name: string) => links.get(name)?.index ?? 0;

describe("changes are told by the kernel's notifications", () => {
  test("of an interface that comes, is renamed and goes", async () => {
    await ip("link add here type bridge");
    await eventually("it is there", () => links.get("here") !== undefined);
    const { index } = links.get("here") ?? {};
    expect(last("here")).toMatchObject({ name: "here", index, kind: "bridge", isOn: false, up: false });
    await ip("link set here name there");
    await eventually("it has its new name", () => links.get("there") !== undefined);
    expect([last("here"), last("there")?.index]).toEqual([undefined, index]);
    expect(told.map(([name]) => name)).toEqual(["here", "here", "there"]);
    await ip("link delete there");
    await eventually("it is gone", () => links.get("there") === undefined);
    expect(told.at(-1)).toEqual(["there", undefined]);
  });

  test("of one that another takes the place of: first that it is gone", async () => {
    const former = indexOf("right");
    await ip("link set right name aside");
    await ip("link add right type bridge");
    await eventually("the other is there", () => ![0, former].includes(indexOf("right")));
    const ofRight = told.filter(([name]) => name === "right").map(([, state]) => state?.index);
    expect(ofRight).toEqual([undefined, indexOf("right")]);
    expect(last("aside")).toMatchObject({ index: former });
  });

  test("of carrier, switch and bridge, and not of the MTU, which is known", async () => {
    await ip("link set right down");
    await eventually("left has no carrier", () => last("left")?.up === false);
    expect(links.get("left")).toMatchObject({ up: false, isOn: true });
    expect(last("right")).toMatchObject({ up: false, isOn: false });
    await ip("link add bridge type bridge");
    await ip("link set left master bridge");
    await eventually("left is a port", () => links.isPort("left", "bridge"));
    expect(last("left")?.master).toBe(indexOf("bridge"));
    const before = told.filter(([name]) => name === "left").length;
    await ip("link set left mtu 1400");
    await eventually("the MTU is known", () => links.get("left")?.mtu === 1400);
    expect(told.filter(([name]) => name === "left")).toHaveLength(before);
  });

  test("every reading is told to those who ask for that, and nothing after the end", async () => {
    let readings = 0;
    links.watchReadings(() => {
      readings += 1;
    });
    await Promise.all([links.reread(), links.reread(), links.reread()]);
    expect(readings).toBe(1);
    await ip("link set left mtu 1300");
    await eventually("there was another reading", () => readings > 1);
    const pending = links.reread();
    links.close();
    const [before, changes] = [readings, told.length];
    await pending;
    await ip("link delete left");
    links.readOne("left");
    await links.reread();
    expect([readings, told.length]).toEqual([before, changes]);
    expect(links.get("left")).toBeDefined();
  });
});

describe("changes that are asked for are known and told at once", () => {
  test("on and off", async () => {
    await links.setUp("right", false);
    expect([links.get("right")?.isOn, last("right")?.isOn]).toEqual([false, false]);
    await links.setUp("right", true);
    expect([links.get("right")?.isOn, last("right")?.isOn]).toEqual([true, true]);
  });

  test("into a bridge, and out of it", async () => {
    await ip("link add bridge type bridge");
    const joined: number[] = [];
    await links.setMaster("left", "bridge", (index) => joined.push(index));
    expect([joined, links.isPort("left", "bridge")]).toEqual([[indexOf("left")], true]);
    expect(links.isPort("right", "bridge")).toBe(false);
    expect(last("left")?.master).toBe(indexOf("bridge"));
    await links.setMaster("left", undefined);
    expect([links.isPort("left", "bridge"), last("left")?.master]).toEqual([false, undefined]);
  });

  test("the carrier of one end of a pair, by the other end", async () => {
    await links.setCarrier("left", false);
    expect(links.get("left")).toMatchObject({ up: false, isOn: true });
    expect(links.get("right")).toMatchObject({ isOn: false });
    await links.setCarrier("left", true);
    await eventually("the carrier is back", async () => {
      await links.reread();
      return links.get("left")?.up === true;
    });
  });

  test("the carrier of an interface that has one of its own", async () => {
    const tap = openTap("own", 1500);
    await links.setUp("own", true);
    expect(links.get("own")?.up).toBe(true);
    await links.setCarrier("own", false);
    await eventually("it has none", () => links.get("own")?.up === false);
    await links.setCarrier("own", true);
    await eventually("it has it back", () => links.get("own")?.up === true);
    close(tap);
    await eventually("it is gone", () => links.get("own") === undefined);
  });

  test("one reading tells what has come, gone and been replaced meanwhile", async () => {
    const former = indexOf("left");
    links.readOne("left");
    links.readOne("nobody");
    expect(told).toEqual([]);
    // Notifications have no turn meanwhile.
    ipNow("link delete left");
    ipNow("link add left type bridge");
    links.readOne("left");
    expect(indexOf("left")).not.toBe(former);
    expect(told.map(([, state]) => state?.index)).toEqual([undefined, indexOf("left")]);
    ipNow("link delete left");
    links.readOne("left");
    expect(links.get("left")).toBeUndefined();
    expect(told.at(-1)).toEqual(["left", undefined]);
    ipNow("link add left type bridge");
    links.readOne("left");
    expect(told.at(-1)?.[1]).toMatchObject({ name: "left", kind: "bridge" });
    await links.reread();
    expect(told.filter(([name]) => name === "left")).toHaveLength(4);
  });
});

describe("what cannot be is refused", () => {
  test.each([
    ["set up an interface", (of: Links) => of.setUp("nobody", true)],
    ["set down an interface", (of: Links) => of.setUp("nobody", false)],
    ["take an interface out of its bridge", (of: Links) => of.setMaster("nobody", undefined)],
    ["switch the carrier of an interface on", (of: Links) => of.setCarrier("nobody", true)],
  ])("%s that does not exist", async (operation, act) => {
    await expect(act(links)).rejects.toMatchObject({
      name: "SystemError",
      operation,
      errno: "ENODEV",
      target: "interface nobody",
    });
  });

  test("a bridge that does not exist, is none, or takes no loopback", async () => {
    await expect(links.setMaster("left", "br0")).rejects.toThrow("bridge br0 does not exist; create it");
    await expect(links.setMaster("left", "right")).rejects.toThrow("right is no bridge");
    await ip("link add br0 type bridge");
    await expect(links.setMaster("lo", "br0")).rejects.toMatchObject({
      name: "NetlinkError",
      operation: "put an interface into bridge br0",
    });
    expect(links.isPort("lo", "br0")).toBe(false);
  });

  test("the carrier of a bridge, and of an end whose other end is elsewhere", async () => {
    await ip("link add br0 type bridge");
    await using elsewhere = await TestNamespace.make("wst-links-other");
    await ip("link add here type veth peer name there");
    await ip(`link set there netns ${elsewhere.name}`);
    for (const name of ["br0", "here"])
      await expect(links.setCarrier(name, false)).rejects.toMatchObject({
        operation: "switch the carrier of an interface off",
        errno: "EOPNOTSUPP",
        target: `interface ${name}`,
      });
  });

  test("without CAP_NET_ADMIN any change, but no reading", async () => {
    const change = withoutCapability("CAP_NET_ADMIN", () => {
      expect(readLinkStates().map(({ name }) => name)).toContain("left");
      return links.setUp("left", false);
    });
    await expect(change).rejects.toMatchObject({ errno: "EPERM", target: "interface left" });
    expect(links.get("left")?.isOn).toBe(true);
  });
});
