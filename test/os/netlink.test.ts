import { describe, expect, test } from "vitest";
import { NetlinkError } from "../../src/os/errors.ts";
import { readLink, readLinks, setLink } from "../../src/os/link-message.ts";
import {
  type Attribute,
  encodeAttributes,
  textPayload,
  u32Payload,
} from "../../src/os/netlink-attributes.ts";
import { type FakeKernel, type FakeMessage, type FakeRequest, fakeNetlink } from "../support/fake-netlink.ts";

const ERROR = 2;
const DONE = 3;
const NEWLINK = 16;
const GETLINK = 18;
const SETLINK = 19;
const flags = { request: 1, multi: 2, ack: 4, interrupted: 0x10, dump: 0x300, ackAttributes: 0x200 };
const errno = { EPERM: 1, ENODEV: 19, EBUSY: 16, EEXIST: 17 };
const operation = { operation: "make x", target: "interface x", hints: { EEXIST: "choose another name" } };

/**
 * NLMSG_ERROR with the request's header, or NLMSG_DONE; with an extended acknowledgement where it says
 * something.
 */
function end(type: number, number: number, said: readonly Attribute[] = []): FakeMessage {
  const code = u32Payload(-number >>> 0);
  const header = type === ERROR ? new Uint8Array(16) : new Uint8Array(0);
  const payload = new Uint8Array([...code, ...header, ...encodeAttributes(said)]);
  return { type, flags: said.length > 0 ? flags.ackAttributes : 0, payload };
}

/** struct ifinfomsg of an Ethernet interface that is up, and its attributes. */
function link(index: number, name: string, attributes: readonly Attribute[] = [], more = 0): FakeMessage {
  const header = new Uint8Array(16);
  const view = new DataView(header.buffer);
  view.setUint16(2, 1, true);
  view.setInt32(4, index, true);
  view.setUint32(8, 0x1_0001, true);
  const encoded = encodeAttributes([[3, textPayload(name)], [4, u32Payload(1500)], ...attributes]);
  return { type: NEWLINK, flags: flags.multi | more, payload: new Uint8Array([...header, ...encoded]) };
}

function refusedBy(kernel: FakeKernel, act = (fake = fakeNetlink(kernel)) => readLinks(fake, operation)) {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("a request", () => {
  test("asks for an acknowledgement, and ends with it", () => {
    const requests: FakeRequest[] = [];
    const netlink = fakeNetlink((request) => {
      requests.push(request);
      return [[end(ERROR, 0)]];
    });
    expect(netlink.request(operation, setLink({ index: 7, up: true }))).toEqual([]);
    expect(requests).toMatchObject([{ type: SETLINK, flags: flags.request | flags.ack }]);
  });

  test("skips answers to an earlier one", () => {
    const stale = { ...end(ERROR, errno.EBUSY), sequence: 0 };
    const netlink = fakeNetlink(() => [[stale], [link(4, "eth0")], [end(ERROR, 0)]]);
    expect(readLink(netlink, operation, "eth0")).toMatchObject({ name: "eth0", index: 4, hardware: "ETHER" });
  });

  test("for an interface that does not exist gives none", () => {
    expect(
      readLink(
        fakeNetlink(() => [[end(ERROR, errno.ENODEV)]]),
        operation,
        9,
      ),
    ).toBeUndefined();
  });
});

describe("a refusal has the operation, the errno", () => {
  test("and the kernel's message with the offset of what it refused", () => {
    const said: readonly Attribute[] = [
      [1, textPayload("Name is in use")],
      [2, u32Payload(20)],
    ];
    const error = refusedBy(() => [[end(ERROR, errno.EEXIST, said)]]);
    expect(error).toBeInstanceOf(NetlinkError);
    expect(error).toMatchObject({
      message: "make x: EEXIST (interface x); the kernel says: Name is in use; choose another name",
      operation: "make x",
      errno: "EEXIST",
      kernelMessage: "Name is in use",
      offset: 20,
    });
  });

  test("and a hint where a capability is missing", () => {
    const error = refusedBy(() => [[end(ERROR, errno.EPERM)]]);
    expect(error).toMatchObject({ message: "make x: EPERM (interface x); needs CAP_NET_ADMIN" });
    expect(error).toMatchObject({ kernelMessage: undefined, offset: undefined });
  });

  test("also at the end of a dump", () => {
    const parts = [[link(1, "lo")], [end(DONE, errno.EBUSY, [[1, textPayload("Try again")]])]];
    expect(refusedBy(() => parts)).toMatchObject({ errno: "EBUSY", kernelMessage: "Try again" });
  });

  test("and where nothing is answered at all", () => {
    expect(refusedBy(() => [])).toMatchObject({ message: "make x: ETIMEDOUT (interface x)" });
    expect(refusedBy(() => ["ENOBUFS"])).toMatchObject({ errno: "ENOBUFS" });
  });
});

describe("a dump", () => {
  test("has all parts of all datagrams", () => {
    const requests: FakeRequest[] = [];
    const netlink = fakeNetlink((request) => {
      requests.push(request);
      return [[link(1, "lo"), link(2, "eth0")], [link(3, "eth1")], [end(DONE, 0)]];
    });
    expect(readLinks(netlink, operation).map(({ name }) => name)).toEqual(["lo", "eth0", "eth1"]);
    expect(requests).toMatchObject([{ type: GETLINK, flags: flags.request | flags.dump }]);
  });

  test("that a change interrupted is repeated, but not for ever", () => {
    let dumps = 0;
    const interruptedUntil = (last: number) =>
      fakeNetlink(() => {
        dumps += 1;
        const more = dumps < last ? flags.interrupted : 0;
        return [[link(dumps, "eth0", [], more), end(DONE, 0)]];
      });
    expect(readLinks(interruptedUntil(3), operation)).toMatchObject([{ index: 3 }]);
    dumps = 0;
    expect(readLinks(interruptedUntil(1000), operation)).toMatchObject([{ index: 5 }]);
  });
});

describe("an interface", () => {
  const vlan = encodeAttributes([
    [1, textPayload("vlan")],
    [2, encodeAttributes([[1, Uint8Array.of(111, 0)]])],
  ]);

  test("has its kind, master, lower interface and MTU", () => {
    const attributes: readonly Attribute[] = [
      [18, vlan],
      [10, u32Payload(5)],
      [5, u32Payload(2)],
    ];
    const netlink = fakeNetlink(() => [[link(6, "eth0.111", attributes), end(DONE, 0)]]);
    const [found] = readLinks(netlink, operation);
    expect(found).toMatchObject({ kind: "vlan", master: 5, link: 2, mtu: 1500, up: true });
    expect(found?.kindData?.get(1)).toEqual(Uint8Array.of(111, 0));
  });

  test("whose message is truncated, at any octet, is left out", () => {
    const { payload = new Uint8Array(0) } = link(6, "eth0.111", [[18, vlan]]);
    for (let length = 0; length < payload.length; length += 1) {
      const truncated = { type: NEWLINK, flags: flags.multi, payload: payload.subarray(0, length) };
      const names = readLinks(
        fakeNetlink(() => [[truncated, end(DONE, 0)]]),
        operation,
      ).map(({ name }) => name);
      expect([[], ["eth0.111"]]).toContainEqual(names);
    }
  });
});
