import { afterAll, expect, test } from "vitest";
import { fromHex } from "../../src/bytes/hex.ts";
import type { PacketRecord } from "../../src/capture/record.ts";
import { ethernetFrame, ipPacket, linkType, pcapFile } from "../support/captures.ts";
import { controls, DecodeFiles, dataOf, decodeJson, frameOf, scenario } from "../support/decode-files.ts";
import { vectors } from "../vectors/vectors.ts";

const files = new DecodeFiles();
afterAll(() => files.remove());

test.each([
  ["S1", "vpn-s3cret"],
  ["S2", "correct horse battery staple"],
])(
  "RFC 3931 §5.4.1: every digest of %s is right under its secret and wrong under another",
  async (name, secret) => {
    const path = files.capture(scenario(name));
    const right = await decodeJson(path, { secretFile: [files.secret(secret)] });
    const wrong = await decodeJson(path, { secretFile: [files.secret("another")] });
    const without = await decodeJson(path);
    const verdicts = ({ records }: { records: readonly PacketRecord[] }) =>
      new Set(controls(records).flatMap(({ avps }) => avps.flatMap(({ digest }) => digest ?? [])));
    expect(verdicts(right)).toEqual(new Set(["right"]));
    expect(verdicts(wrong)).toEqual(new Set(["wrong"]));
    expect(verdicts(without)).toEqual(new Set(["unchecked"]));
    expect(right.summary.wrongDigests).toBe(0);
    expect(wrong.summary.wrongDigests).toBe(right.summary.control);
  },
);

test("RFC 3931 §5.4.1: each of two digests is checked alone; with both secrets both are right", async () => {
  const path = files.capture(scenario("S7"));
  const digests = async (secrets: readonly string[]) => {
    const { records } = await decodeJson(path, { secretFile: secrets.map((secret) => files.secret(secret)) });
    return controls(records).map(({ avps }) => avps.flatMap(({ digest }) => digest ?? []));
  };
  expect(await digests(["old-secret"])).toEqual(Array(3).fill(["right", "wrong"]));
  expect(await digests(["old-secret", "new-secret"])).toEqual(Array(3).fill(["right", "right"]));
});

test("RFC 3931 §4.3: a digest without secret is told apart from one under a secret", async () => {
  const { records } = await decodeJson(files.capture(scenario("S5")));
  for (const { avps } of controls(records)) {
    expect(avps[1]).toMatchObject({
      digest: "right",
      digestNote: expect.stringContaining("without a secret"),
    });
  }
});

test("RFC 3931 §4.3: a changed or misplaced digest is wrong, and the others stay right", async () => {
  const forged = vectors.malformed.filter(({ id }) => id === "N-14" || id === "N-15");
  const packets = [
    ...scenario("S1").slice(0, 4).map(frameOf),
    ...forged.map(({ payload_hex }) =>
      ethernetFrame(ipPacket({ family: 4, transport: "udp", from: "A" }, fromHex(payload_hex))),
    ),
    frameOf(scenario("S1")[8]!),
  ];
  const path = files.write(
    pcapFile(
      linkType.ethernet,
      packets.map((octets) => ({ octets })),
    ),
  );
  const { records, summary } = await decodeJson(path, { secretFile: [files.secret("vpn-s3cret")] });
  const verdicts = controls(records).map(({ avps }) => avps.find(({ digest }) => digest !== null)?.digest);
  expect(verdicts).toEqual(["right", "right", "right", "right", "wrong", "wrong", "right"]);
  expect(summary.wrongDigests).toBe(2);
});

test("RFC 3931 §4.3: without the messages that hold the nonces a digest is not judged", async () => {
  const path = files.capture(scenario("S1").slice(2));
  const { records } = await decodeJson(path, { secretFile: [files.secret("vpn-s3cret")] });
  expect(controls(records)[0]?.avps[1]).toMatchObject({
    digest: "unchecked",
    digestNote: "the nonces are not in this capture",
  });
});

test("RFC 3931 §5.3: hidden AVPs are shown with the secret, and as hidden without it", async () => {
  const path = files.capture(scenario("S2"));
  const hiddenOf = async (secrets: readonly string[]) => {
    const { records } = await decodeJson(path, { secretFile: secrets.map((secret) => files.secret(secret)) });
    return controls(records).flatMap(({ avps }) => avps.filter(({ hidden }) => hidden));
  };
  const vectorClear = scenario("S2").flatMap(({ avps }) =>
    (avps ?? []).flatMap((avp) =>
      avp.h === 1 ? [(avp as unknown as { clear_value: string }).clear_value] : [],
    ),
  );
  const revealed = await hiddenOf(["correct horse battery staple"]);
  expect(revealed.map((avp) => avp.revealed)).toEqual(vectorClear);
  expect(revealed.every(({ text, problem }) => text !== null && problem === null)).toBe(true);
  expect((await hiddenOf([])).every(({ problem }) => problem === "hidden; the secret reveals it")).toBe(true);
  expect((await hiddenOf(["another"])).every(({ revealed: value }) => value === null)).toBe(true);
  const { summary } = await decodeJson(path);
  expect(summary).toMatchObject({ refused: 0, malformed: 0 });
});

test("RFC 3931 §4.3: a message with a wrong digest changes no known nonce or cookie", async () => {
  const messages = scenario("S1");
  const octet = (message: (typeof messages)[number], from: string, to: string) => ({
    ...message,
    payload_hex: message.payload_hex.replace(from, to),
  });
  const forged = [
    ...messages.slice(0, 2),
    octet(messages[0]!, "10111213", "10111214"),
    octet(messages[1]!, "e0e1e2e3", "e0e1e2e4"),
    ...messages.slice(2, 6),
    octet(messages[5]!, "b0b1b2b3b4b5b6b7", "b0b1b2b3b4b5b6b8"),
    ...messages.slice(6),
  ];
  const path = files.capture(forged);
  const { records, summary } = await decodeJson(path, { secretFile: [files.secret("vpn-s3cret")] });
  const wrong = controls(records).filter(({ avps }) => avps.some(({ digest }) => digest === "wrong"));
  expect(wrong.map(({ number }) => number)).toEqual([3, 4, 9]);
  expect(summary).toMatchObject({ wrongDigests: 3, malformed: 0 });
  expect(dataOf(records).map(({ cookieMatches }) => cookieMatches)).toEqual([true, true]);
});
