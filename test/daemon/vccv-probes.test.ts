import { describe, expect, test } from "vitest";
import { hex } from "../../src/bytes/hex.ts";
import { VccvProbes } from "../../src/daemon/vccv-probes.ts";
import { decapsulateChannel } from "../../src/forwarding/encapsulation.ts";
import { decodeEchoPacket, type EchoPacket, encodeEchoPacket } from "../../src/wire/echo-packet.ts";
import type { PsnPath } from "../../src/wire/session-parameters.ts";
import { sessionParameters } from "../support/sessions.ts";

const nonce = hex`000102030405060708090a0b0c0d0e0f`;
const addresses = { 4: ["192.0.2.1", "192.0.2.2"], 6: ["2001:db8::a", "2001:db8::b"] } as const;
const kinds = (["udp", "ip"] as const).flatMap((encapsulation) =>
  ([4, 6] as const).flatMap((version) =>
    [0, 8].map((cookieOctets) => ({ encapsulation, version, cookieOctets })),
  ),
);

describe.each(kinds)(
  "$encapsulation over IPv$version, cookie $cookieOctets",
  ({ encapsulation, version, cookieOctets }) => {
    const [localAddress, remoteAddress] = addresses[version];
    const port = encapsulation === "udp" ? 1701 : 0;
    const path: PsnPath = { encapsulation, localAddress, localPort: port, remoteAddress, remotePort: port };
    const session = sessionParameters({
      ...{ path, receiveSublayer: "default", transmitSublayer: "default" },
      transmitCookie: new Uint8Array(cookieOctets).fill(7),
      ...{ vccvControlChannel: "l2-specific-sublayer", vccvEcho: true },
    });
    const atPeer = {
      ...session,
      localSessionId: session.remoteSessionId,
      receiveCookie: session.transmitCookie,
    };
    const channelType = version === 4 ? 0x21 : 0x57;
    const headers = (version === 4 ? 20 : 40) + (encapsulation === "udp" ? 8 : 0);

    /** What the peer gets of a request of so many octets, and how its replies are taken. */
    function asked(octets: number) {
      const sent: Uint8Array[] = [];
      const replies: string[] = [];
      const clock = { ms: 0, nowMs: () => clock.ms };
      const probes = new VccvProbes(clock as never, {
        transport: {
          send: (_path, message, options) => {
            expect(options).toEqual({ isProbe: true, isData: true });
            sent.push(message);
            return undefined;
          },
        },
        replied: (tunnel, of) => replies.push(`${tunnel} ${of === nonce}`),
      });
      probes.send("branch", { path, by: "vccv", octets, nonce }, session);
      const payload = sent[0] && decapsulateChannel(sent[0], atPeer)?.payload;
      const request = payload && decodeEchoPacket(version, payload);
      const reply = (change: Partial<EchoPacket["echo"]> = {}, id = session.localSessionId) => {
        if (request === undefined) return;
        const echo = { ...request.echo, kind: "reply", ...change } as const;
        probes.receive(id, channelType, encodeEchoPacket(version, { ...request, echo }));
      };
      return { sent, request, replies, reply, clock, probes };
    }

    test.each([160, 1280, 1500, 9000])("RFC 5085 §6.2.1: a request in a packet of %d octets", (octets) => {
      const { sent, request, replies, reply } = asked(octets);
      expect(sent.map(({ length }) => length + headers)).toEqual([octets]);
      expect(request?.echo.kind).toBe("request");
      expect(request?.echo.data.subarray(-16)).toEqual(nonce);
      reply();
      expect(replies).toEqual(["branch true"]);
      reply();
      expect(replies).toHaveLength(1);
    });

    test("no other message counts: of another session, length or nonce, or a request", () => {
      const { request, replies, reply } = asked(1400);
      const data = request?.echo.data ?? new Uint8Array(0);
      reply({}, session.localSessionId + 1);
      reply({ data: data.subarray(1) });
      reply({ data: data.with(-1, 0xee) });
      reply({ kind: "request" });
      expect(replies).toEqual([]);
      reply();
      expect(replies).toHaveLength(1);
    });

    test("nothing is sent that has no room, or without a channel", () => {
      expect(asked(headers + 30).sent).toEqual([]);
      const probes = new VccvProbes({ nowMs: () => 0 } as never, {
        transport: { send: () => expect.fail("it was sent") },
        replied: () => {},
      });
      const { vccvControlChannel: _none, ...without } = session;
      probes.send("branch", { path, by: "vccv", octets: 1500, nonce }, without);
    });

    test("what nobody waits for any more is forgotten with the next request", () => {
      const { clock, probes, replies, reply } = asked(1400);
      clock.ms = 3000;
      probes.send("branch", { path, by: "vccv", octets: 1400, nonce: nonce.with(0, 9) }, session);
      reply();
      expect(replies).toEqual([]);
    });
  },
);
