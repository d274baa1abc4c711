import { expect, expectTypeOf, test } from "vitest";
import { avpNames } from "../../src/wire/avp-table.ts";
import type { ControlMessage, ReceivedMessage } from "../../src/wire/message.ts";
import {
  isSessionMessage,
  type MessageRow,
  messageNames,
  messageTable,
} from "../../src/wire/message-table.ts";

/** The compiler is the test: a line that compiles against its `@ts-expect-error` fails `npm run check`. */

test("RFC 3931 §6: a message without a required AVP does not compile", () => {
  // @ts-expect-error an ICRQ has six required AVPs
  const empty: ControlMessage = { name: "ICRQ", avps: {} };
  // @ts-expect-error a CDN needs a Result Code
  const noResult: ControlMessage<"CDN"> = { name: "CDN", avps: { localSessionId: 1, remoteSessionId: 2 } };
  const hello: ControlMessage = { name: "HELLO", avps: {} };
  const cdn: ControlMessage = {
    name: "CDN",
    avps: { localSessionId: 1, remoteSessionId: 2, resultCode: { resultCode: 3 } },
  };
  expect([empty, noResult, hello, cdn].map(({ name }) => name)).toEqual(["ICRQ", "CDN", "HELLO", "CDN"]);
});

test("RFC 3931 §6: an AVP that a message does not have does not compile", () => {
  // @ts-expect-error a HELLO has no Remote End ID
  const hello: ControlMessage<"HELLO"> = { name: "HELLO", avps: { remoteEndId: new Uint8Array(1) } };
  expect(hello.name).toBe("HELLO");
});

test("an acceptable message of a peer has its required AVPs, but for those that real peers leave out", () => {
  type Icrq = ReceivedMessage<"ICRQ">["avps"];
  expectTypeOf<Icrq["localSessionId"]>().toEqualTypeOf<number>();
  expectTypeOf<Icrq["pseudowireType"]>().toEqualTypeOf<number | undefined>();
  expectTypeOf<ReceivedMessage<"StopCCN">["avps"]["resultCode"]>().toExtend<{
    readonly resultCode: number;
  }>();
});

test("RFC 3931 §7.3: the messages that the state machine of a session handles", () => {
  expect(messageNames.filter(isSessionMessage)).toEqual([
    "OCRQ",
    "OCRP",
    "OCCN",
    "ICRQ",
    "ICRP",
    "ICCN",
    "CDN",
    "WEN",
    "SLI",
  ]);
});

test("RFC 3931 §6: each AVP is in the row of a message, but those of all messages and of RFC 4951", () => {
  const rows: readonly MessageRow[] = messageNames.map((name) => messageTable[name]);
  const used = new Set(rows.flatMap(({ required, optional }) => [...required, ...optional]));
  expect(avpNames.filter((name) => !used.has(name))).toEqual([
    "messageType",
    "extendedVendorId",
    "messageDigest",
    "failoverSessionState",
  ]);
});
