import { toHex } from "../bytes/hex.ts";
import { addressOctets } from "../bytes/ip-address.ts";
import { type EchoRequest, NONCE_OCTETS } from "../control/path-prober.ts";
import type { Clock } from "../environment.ts";
import { encapsulateChannel } from "../forwarding/encapsulation.ts";
import type { PsnTransport } from "../forwarding/transport.ts";
import { decodeEchoPacket, ECHO_PACKET_HEADER_OCTETS, encodeEchoPacket } from "../wire/echo-packet.ts";
import type { SessionParameters } from "../wire/session-parameters.ts";
import { ipChannelTypes } from "../wire/vccv.ts";
import { overheadOctets } from "./frame-size.ts";

/** No prober waits longer for an answer. */
const WAIT_MS = 3000;

interface Outstanding {
  readonly tunnel: string;
  readonly localSessionId: number;
  /** Octets of the packet in the channel. */
  readonly octets: number;
  readonly nonce: Uint8Array;
  readonly untilMs: number;
}

/** What requests are sent by, and who hears of replies. */
export interface VccvProbePort {
  readonly transport: Pick<PsnTransport, "send">;
  /** The peer of a tunnel answered. */
  replied(tunnel: string, nonce: Uint8Array): void;
}

/**
 * Sends ICMP echo requests in the control channels of sessions as probes of path MTUs (RFC 5085 §6.2.1), and
 * finds their replies: what comes by the channel of the session that was asked, as long as the request, with
 * its nonce at the end of the data.
 */
export class VccvProbes {
  readonly #clock: Clock;
  readonly #port: VccvProbePort;
  /** By the digits of the nonce; what nobody waits for any more goes with the next request. */
  readonly #outstanding = new Map<string, Outstanding>();
  #sequence = 0;

  constructor(clock: Clock, port: VccvProbePort) {
    this.#clock = clock;
    this.#port = port;
  }

  /** For a tunnel, whose name comes with the reply. What leaves no room for the nonce is not sent. */
  send(tunnel: string, { path, octets, nonce }: EchoRequest, session: SessionParameters): void {
    const version = path.remoteAddress.includes(":") ? 6 : 4;
    this.#sequence = (this.#sequence + 1) & 0xffff;
    const identifier = ((nonce[0] ?? 0) << 8) | (nonce[1] ?? 0);
    const [source, destination] = [path.localAddress, path.remoteAddress].map(octetsOf) as [
      Uint8Array,
      Uint8Array,
    ];
    const format = { ...session, path };
    const room = octets - overheadOctets(format) - ECHO_PACKET_HEADER_OCTETS[version];
    if (room < nonce.length) return;
    const data = new Uint8Array(room);
    data.set(nonce, room - nonce.length);
    const echo = { kind: "request", identifier, sequence: this.#sequence, data } as const;
    const request = encodeEchoPacket(version, { source, destination, echo });
    const message = encapsulateChannel({ channelType: ipChannelTypes[version], payload: request }, format);
    if (message === undefined) return;
    const nowMs = this.#clock.nowMs();
    for (const [key, { untilMs }] of this.#outstanding) if (nowMs >= untilMs) this.#outstanding.delete(key);
    const { localSessionId } = session;
    const outstanding = { tunnel, localSessionId, octets: request.length, nonce, untilMs: nowMs + WAIT_MS };
    this.#outstanding.set(toHex(nonce), outstanding);
    this.#port.transport.send(path, message, { isProbe: true, isData: true });
  }

  /** A reply came in by the control channel of a session; one to no request of ours is none. */
  receive(localSessionId: number, channelType: number, payload: Uint8Array): void {
    const version = channelType === ipChannelTypes[4] ? 4 : 6;
    const packet = decodeEchoPacket(version, payload);
    if (packet?.echo.kind !== "reply") return;
    const key = toHex(packet.echo.data.subarray(-NONCE_OCTETS));
    const asked = this.#outstanding.get(key);
    if (asked?.localSessionId !== localSessionId || asked.octets !== payload.length) return;
    this.#outstanding.delete(key);
    this.#port.replied(asked.tunnel, asked.nonce);
  }
}

function octetsOf(address: string): Uint8Array {
  return addressOctets(address.replace(/%.*$/, ""));
}
