import { expect, test } from "vitest";
import { close } from "../../src/os/libc.ts";
import { openPacketSocket, openPsnSocket, sendDatagram, socketDrops } from "../../src/os/sockets.ts";
import { TestNamespace } from "../support/namespace.ts";

/** More than the buffers of a socket that nobody reads. */
const DATAGRAMS = 2000;

test("drops at full sockets are counted: psn-overflow at peers', circuit-overflow at circuits'", async () => {
  await using namespace = await TestNamespace.make(`drops-${process.pid}`);
  await namespace.ip("addr add 192.0.2.2/24 dev lo");
  await namespace.ip("link set lo up");
  using _ = namespace.enter();
  const options = {
    encapsulation: "udp",
    address: "192.0.2.2",
    fragmentation: "outer",
    checksum: "auto",
  } as const;
  const receiver = openPsnSocket({ ...options, port: 1701 });
  const sender = openPsnSocket({ ...options, port: 1702 });
  const circuit = openPacketSocket("lo");
  try {
    expect([socketDrops(receiver.fd), socketDrops(circuit)]).toEqual([0, 0]);
    const ends = { encapsulation: "udp", localAddress: "192.0.2.2", localPort: 1702 } as const;
    const path = { ...ends, remoteAddress: "192.0.2.2", remotePort: 1701 };
    for (let count = 0; count < DATAGRAMS; count += 1) sendDatagram(sender.fd, new Uint8Array(9000), path);
    expect(socketDrops(receiver.fd)).toBeGreaterThan(0);
    expect(socketDrops(receiver.fd)).toBeLessThan(DATAGRAMS);
    expect(socketDrops(circuit)).toBeGreaterThan(0);
  } finally {
    for (const fd of [receiver.fd, sender.fd, circuit]) close(fd);
  }
});
