import { Netlink, type NetlinkPort } from "../../src/os/netlink.ts";

/** A message of the fake kernel; the sequence number is the request's unless given. */
export interface FakeMessage {
  readonly type: number;
  readonly flags?: number;
  readonly sequence?: number;
  readonly payload?: Uint8Array;
}

/** A request as the fake kernel gets it. */
export interface FakeRequest {
  readonly type: number;
  readonly flags: number;
  readonly payload: Uint8Array;
}

/** Answers a request by datagrams, each with its messages; a string is the errno that receiving ends in. */
export type FakeKernel = (request: FakeRequest) => readonly (readonly FakeMessage[] | string)[];

const HEADER_OCTETS = 16;

/** A netlink socket whose kernel is a function. */
export function fakeNetlink(kernel: FakeKernel): Netlink {
  let waiting: (Uint8Array | string)[] = [];
  const port: NetlinkPort = {
    send(octets) {
      const view = new DataView(octets.buffer, octets.byteOffset);
      const request = {
        type: view.getUint16(4, true),
        flags: view.getUint16(6, true),
        payload: octets.subarray(HEADER_OCTETS),
      };
      const sequence = view.getUint32(8, true);
      const answers = kernel(request).map((part) =>
        typeof part === "string" ? part : datagram(part, sequence),
      );
      waiting = [...waiting, ...answers];
      return undefined;
    },
    receive: () => waiting.shift() ?? "ETIMEDOUT",
    close: () => undefined,
  };
  return new Netlink(port);
}

function datagram(messages: readonly FakeMessage[], sequence: number): Uint8Array {
  return new Uint8Array(messages.flatMap((message) => [...encode(message, sequence)]));
}

function encode({ type, flags = 0, payload = new Uint8Array(0), ...own }: FakeMessage, sequence: number) {
  const octets = new Uint8Array((HEADER_OCTETS + payload.length + 3) & ~3);
  const view = new DataView(octets.buffer);
  view.setUint32(0, HEADER_OCTETS + payload.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, own.sequence ?? sequence, true);
  octets.set(payload, HEADER_OCTETS);
  return octets;
}
