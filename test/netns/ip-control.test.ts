import { expect, test } from "vitest";
import { parseConfig } from "../../src/config/parse.ts";
import { IpControl } from "../../src/daemon/ip-control.ts";
import type { Log } from "../../src/daemon/log.ts";
import { close } from "../../src/os/libc.ts";
import { openPsnSocket, sendDatagram } from "../../src/os/sockets.ts";
import type { PsnPath } from "../../src/wire/session-parameters.ts";
import { eventually } from "../support/lab.ts";
import { TestNamespace } from "../support/namespace.ts";

const PEER = "2001:db8::2";
const OURS = ["2001:db8::1", "2001:db8::11"];

test("RFC 3931 §4.1.1.2: over IPv6 each of two local addresses receives what is sent to it, and no more", async () => {
  await using namespace = await TestNamespace.make("wst-ipcontrol");
  await namespace.exec(
    "sysctl",
    "-qw",
    "net.ipv6.conf.all.disable_ipv6=0",
    "net.ipv6.conf.lo.disable_ipv6=0",
  );
  await namespace.ip("link set lo up");
  for (const address of [PEER, ...OURS]) await namespace.ip(`addr add ${address}/128 dev lo`);
  using _entered = namespace.enter();
  const tunnel = (local: string, index: number) =>
    `  t${index}: { local: "${local}", remote: "${PEER}", encapsulation: ip, pseudowires: { p${index}: { circuit: { interface: eth${index} } } } }`;
  const text = `lcce: { host_name: west }\ntunnels:\n${OURS.map(tunnel).join("\n")}\n`;
  const { config, problems } = parseConfig(text, "test.yaml", { hostName: "west" });
  expect(problems.filter(({ message }) => message.startsWith("error"))).toEqual([]);
  const heard: PsnPath[] = [];
  const control = new IpControl({} as Log, (path) => heard.push(path));
  const peer = openPsnSocket({
    encapsulation: "ip",
    address: PEER,
    port: 0,
    fragmentation: "outer",
    checksum: "auto",
  });
  try {
    for (const each of config?.tunnels ?? []) control.listen(each);
    for (const local of [...OURS].reverse()) {
      heard.length = 0;
      const path = {
        encapsulation: "ip",
        localAddress: PEER,
        localPort: 0,
        remoteAddress: local,
        remotePort: 0,
      } as const;
      // The word of zero that tells control messages, and a little more.
      sendDatagram(peer.fd, new Uint8Array(16), path);
      await eventually(`${local} has heard it`, () => heard.length > 0);
      expect(heard.map(({ localAddress }) => localAddress)).toEqual([local]);
    }
    for (const each of config?.tunnels ?? []) control.unlisten(each);
    expect(control.drops).toBe(0);
  } finally {
    control.close();
    close(peer.fd);
  }
});
