import { expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { inNewNamespaces } from "../../src/lab/namespaces.ts";

/** Builds a network, then adds nodes to it, one that the relay of VLANs may have to know, and pings. */
const script = `
const dist = process.argv[1];
const { Network } = await import(dist + "/lab/network/network.js");
const { run } = await import(dist + "/lab/command.js");
const { expand } = await import(dist + "/lab/format/expand.js");
const { topologyFields } = await import(dist + "/lab/format/file-keys.js");
const hosts = { a: { lan: "one", vlan: 10, address: "10.1.0.1/24" } };
const raw = { title: "grows", lans: { one: {}, two: {} }, hosts };
const topologyOf = (more) => expand(topologyFields.parse({ ...raw, ...more }), "/lab/own.yaml");
const network = await Network.build(topologyOf({}));
const grown = topologyOf({
  routers: { r: { ports: { two: "10.2.0.254/24" } } },
  hosts: {
    ...hosts,
    b: { lan: "one", access: 10, address: "10.1.0.2/24" },
    c: { lan: "two", address: "10.2.0.1/24" },
  },
});
for (const node of [...grown.routers, ...grown.hosts.slice(1)]) await network.addNode(node, grown);
const ping = (from, to) => run(["ip", "netns", "exec", from, "ping", "-c1", "-W5", to]);
await ping("a", "10.1.0.2");
await ping("c", "10.2.0.254");
console.log((await run(["ip", "-n", "c", "route", "show", "default"])).stdout.trim());
await network[Symbol.asyncDispose]();
`;

test("nodes are added to a network that stands, with their VLANs and routes", async () => {
  const dist = new URL("../../dist", import.meta.url).pathname;
  const node = [process.execPath, "--input-type=module", "-e", script, dist];
  const { stdout } = await run(inNewNamespaces(node), { timeoutMs: 60_000 });
  expect(stdout).toBe("default via 10.2.0.254 dev eth0\n");
});
