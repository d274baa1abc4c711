import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { readLink, readLinks, readPorts } from "../../src/os/link-message.ts";
import { withNetlink } from "../../src/os/netlink.ts";
import { DaemonInNamespace } from "../support/daemon-in-namespace.ts";
import { eventually } from "../support/lab.ts";
import { needBpf, TestNamespace } from "../support/namespace.ts";

/**
 * /sys/class/net is that of the network namespace of its mount: to a daemon started by `nsenter --net`, or
 * with NetworkNamespacePath= of systemd, it shows interfaces of another one.
 */

beforeAll(needBpf);

const READ = { operation: "read interfaces", target: "a test" };

/** Covers /sys/class/net, for one process, with a folder that has hardware of the name "left". */
const folderOfSysfs = (folder: string) => join(folder, "sysfs");
const showHardware = (folder: string) =>
  mkdirSync(join(folderOfSysfs(folder), "left", "device"), { recursive: true });
const cover = 'mount --bind "$(dirname "$5")/sysfs" /sys/class/net && exec "$@"';
const withOtherSysfs = ["unshare", "--mount", "sh", "-c", cover, "sh"];

test("a veth with the name of hardware in another namespace is known for what it is", async () => {
  await using namespace = await TestNamespace.make("ws-other-sysfs");
  const circuit = { tap: "tap-lan" };
  const lan = { circuit, static: { local_session_id: 1, remote_session_id: 2 } };
  const hq = { local: "192.0.2.1", remote: "192.0.2.2", control: "static", pseudowires: { lan } };
  await namespace.ip("neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev left");
  await using daemon = await DaemonInNamespace.start(
    namespace.name,
    { plane: "ebpf", tunnels: { hq } },
    { prefix: withOtherSysfs, before: showHardware },
  );
  expect(existsSync(`/proc/${daemon.pid}/root/sys/class/net/left/device`)).toBe(true);
  await eventually("programs forward it", async () => (await daemon.pseudowire("lan")).gso !== undefined);
  expect((await daemon.pseudowire("lan")).gso).toMatchObject({
    choice: "segment",
    reason: expect.stringContaining("left is virtual"),
  });
});

test("hardware is what has a device in sysfs, where that is of the same namespace", () => {
  const links = withNetlink("route", (netlink) => readLinks(netlink, READ));
  expect(links.map(({ name }) => name)).toContain("lo");
  for (const { name, isHardware } of links)
    expect({ name, isHardware }).toEqual({ name, isHardware: existsSync(`/sys/class/net/${name}/device`) });
});

test("the ports of a bridge or bond are its own alone", async () => {
  await using namespace = await TestNamespace.make("ws-ports-of");
  await namespace.ip("link add br0 type bridge");
  await namespace.ip("link add br1 type bridge");
  await namespace.ip("link add br2 type bridge");
  await namespace.ip("link set left master br0");
  await namespace.ip("link set right master br1");
  const portsOf = (bridge: string) =>
    namespace.inside(() =>
      withNetlink("route", (netlink) => {
        const index = readLink(netlink, READ, bridge)?.index ?? 0;
        return readPorts(netlink, READ, index).map(({ name }) => name);
      }),
    );
  expect(["br0", "br1", "br2"].map(portsOf)).toEqual([["left"], ["right"], []]);
});
