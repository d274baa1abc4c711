import { expect, test } from "vitest";
import { toHex } from "../../src/bytes/hex.ts";
import { PsnSockets } from "../../src/forwarding/psn/psn-sockets.ts";
import { close } from "../../src/os/libc.ts";
import { openPsnSocket, sendDatagram } from "../../src/os/sockets.ts";
import type { PsnPath } from "../../src/wire/session-parameters.ts";
import { eventually } from "../support/lab.ts";
import { TestNamespace } from "../support/namespace.ts";

const PEER = "2001:db8::2";
const OURS = ["2001:db8::1", "2001:db8::11"];

const endpoint = (address: string, control: boolean) =>
  ({
    encapsulation: "ip",
    address,
    port: 0,
    fragmentation: "outer",
    checksum: "auto",
    gso: "auto",
    control,
    controlDscp: 0,
  }) as const;

test("RFC 3931 §4.1.1.2: over IPv6 each of two local addresses receives its own messages", async () => {
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
  const received: (readonly [PsnPath, string])[] = [];
  const problems: string[] = [];
  const transport = new PsnSockets({
    control: (path, octets) => received.push([path, toHex(octets)]),
    problem: (text) => problems.push(text),
  });
  const peer = openPsnSocket(endpoint(PEER, true));
  try {
    for (const address of OURS) await transport.openEndpoint(endpoint(address, true));
    // A static session shares the socket, and leaves it to the others.
    await transport.openEndpoint(endpoint(OURS[0] ?? "", false));
    await transport.closeEndpoint(endpoint(OURS[0] ?? "", false));
    for (const localAddress of [...OURS].reverse()) {
      received.length = 0;
      const ends = { encapsulation: "ip", localPort: 0, remotePort: 0 } as const;
      // The word of zero that tells control messages, and a little more.
      const toUs = { ...ends, localAddress: PEER, remoteAddress: localAddress };
      expect(sendDatagram(peer.fd, new Uint8Array(16), toUs)).toBeUndefined();
      await eventually(`${localAddress} has heard it`, () => received.length > 0);
      const path = { ...ends, localAddress, remoteAddress: PEER };
      expect(received).toEqual([[path, "00".repeat(12)]]);
      expect(transport.send(path, new Uint8Array(12))).toBeUndefined();
    }
    for (const address of OURS) await transport.closeEndpoint(endpoint(address, true));
    expect([transport.controlDrops, problems]).toEqual([0, []]);
  } finally {
    transport.close();
    close(peer.fd);
  }
});
