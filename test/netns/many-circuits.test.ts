import { closeSync } from "node:fs";
import { expect, test } from "vitest";
import { concat } from "../../src/bytes/hex.ts";
import { FrameSocket } from "../../src/lab/frame-socket.ts";
import { builtPlanes } from "../support/built-planes.ts";
import { frameOf } from "../support/frames.ts";
import { eventually } from "../support/lab.ts";
import { TestNamespace } from "../support/namespace.ts";
import { PeerSocket, pathBetween } from "../support/plane-test-bed.ts";
import { attachment, sessionParameters } from "../support/sessions.ts";

const CIRCUITS = 1500;

test(`all of ${CIRCUITS} TAP devices are read and written, also when others come and go`, async () => {
  await using namespace = await TestNamespace.make(`many-${process.pid}`);
  await namespace.ip("addr add 192.0.2.2/24 dev lo");
  await namespace.ip("link set lo up");
  using _ = namespace.enter();
  const { plane, transport } = await builtPlanes.userspace({
    control: () => undefined,
    problem: () => undefined,
    failed: (error) => {
      throw error;
    },
  });
  try {
    const path = pathBetween(4, "udp");
    const rules = {
      checksum: "auto",
      gso: "offload",
      control: true,
      controlDscp: 0,
      fragmentation: "none",
    } as const;
    await transport.openEndpoint({
      encapsulation: "udp",
      address: path.localAddress,
      port: path.localPort,
      ...rules,
    });
    using peer = new PeerSocket(path);
    for (let number = 1; number <= CIRCUITS; number += 1) {
      await plane.openCircuit({ kind: "tap", name: `t${number}`, mtu: 1500 });
      const ids = { localSessionId: number, remoteSessionId: number };
      const circuit = attachment({ device: `t${number}` });
      await plane.addSession(sessionParameters({ ...ids, path }), circuit);
      await plane.bindCircuit(circuit, number);
    }
    /** A frame from the host's side of the device, and one to it. */
    const tryOut = async (number: number): Promise<void> => {
      await namespace.ip(`link set t${number} up`);
      const host = new FrameSocket(`t${number}`);
      const frame = frameOf({ first: Uint8Array.of(number >> 8, number & 0xff) });
      expect(host.send(frame)).toBe(true);
      await eventually(`the frame of t${number} is at the peer`, () => {
        const octets = peer.receive();
        return octets !== undefined && Buffer.from(octets.subarray(8)).equals(frame);
      });
      peer.send(concat(Uint8Array.of(0, 3, 0, 0, 0, 0, number >> 8, number & 0xff), frame));
      await eventually(`the peer's frame is at t${number}`, () => {
        const octets = host.receive();
        return octets !== undefined && Buffer.from(octets).equals(Buffer.from(frame));
      });
      closeSync(host.fd);
    };
    for (const number of [1, 2, 1021, 1022, 1023, 1024, 1025, CIRCUITS]) await tryOut(number);
    for (let number = 1; number <= 1000; number += 1) {
      await plane.removeSession(number);
      await plane.closeCircuit(`t${number}`);
    }
    for (const number of [1001, 1300, CIRCUITS]) await tryOut(number);
  } finally {
    await plane.close();
    transport.close();
  }
});
