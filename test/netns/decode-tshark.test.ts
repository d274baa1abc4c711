import { execFileSync } from "node:child_process";
import { afterAll, expect, test } from "vitest";
import { concat, fromHex } from "../../src/bytes/hex.ts";
import { ethernetFrame, ipPacket, linkType, pcapFile, pcapngFile } from "../support/captures.ts";
import { controls, DecodeFiles, decodeJson, scenario } from "../support/decode-files.ts";
import { vectors } from "../vectors/vectors.ts";

const files = new DecodeFiles();
afterAll(() => files.remove());

/** Values of one packet's fields, in the order in which they stand in it. */
type Fields = Readonly<Record<string, readonly string[] | undefined>>;

function dissect(
  path: string,
  fields: readonly string[],
  options: readonly string[] = [],
): readonly Fields[] {
  const chosen = fields.flatMap((field) => ["-e", field]);
  const output = tshark(["-n", "-r", path, ...options, "-T", "json", ...chosen]);
  return (JSON.parse(output) as { _source: { layers: Fields } }[]).map(({ _source }) => _source.layers);
}

function tshark(words: readonly string[]): string {
  try {
    return execFileSync("tshark", words, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      maxBuffer: 64 * 1024 * 1024,
    });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    throw new Error("tshark is not installed: apt-get install tshark", { cause });
  }
}

const avpFields = [
  "l2tp.avp.message_type",
  "l2tp.avp.type",
  "l2tp.avp.ciscotype",
  "l2tp.avp.vendor_id",
  "l2tp.avp.mandatory",
  "l2tp.avp.hidden",
  "l2tp.Ns",
  "l2tp.Nr",
  "l2tp.ccid",
] as const;

/**
 * tshark reads the vendor of an Extended Vendor ID two octets too early, and takes no message type of Cisco's
 * for one.
 */
const EXTENDED_VENDOR_ID = 58;
const control = vectors.messages.filter(
  ({ kind, header, avps }) =>
    kind === "control" &&
    header?.ver === 3 &&
    (avps?.[0]?.vendor ?? 0) === 0 &&
    avps?.every(({ type }) => type !== EXTENDED_VENDOR_ID),
);

test.each([
  { family: 4, transport: "udp", write: pcapFile },
  { family: 6, transport: "udp", write: pcapngFile },
  { family: 4, transport: "ip", write: pcapngFile },
  { family: 6, transport: "ip", write: pcapFile },
] as const)(
  "tshark reads the same messages and AVPs over $transport, IPv$family",
  async ({ family, transport, write }) => {
    const packets = control.map(({ message_hex, src }) => {
      const octets = fromHex(message_hex);
      const payload = transport === "udp" ? octets : concat(new Uint8Array(4), octets);
      return { octets: ethernetFrame(ipPacket({ family, transport, from: src }, payload)) };
    });
    const path = files.write(write(linkType.ethernet, packets));
    const theirs = dissect(path, avpFields);
    const ours = controls((await decodeJson(path)).records);
    expect(ours).toHaveLength(control.length);
    expect(theirs).toHaveLength(control.length);
    for (const [index, record] of ours.entries()) {
      const packet = theirs[index]!;
      const numbers = (field: string) => (packet[field] ?? []).map(Number);
      const id = control[index]!.id;
      // It says of hidden AVPs only that they are hidden.
      const open = record.avps.filter(({ hidden }) => !hidden);
      const ofVendor = (vendorId: number) =>
        open.filter((avp) => avp.vendorId === vendorId).map(({ attributeType }) => attributeType);
      expect(numbers("l2tp.avp.message_type"), id).toEqual(
        record.messageType === null ? [] : [record.messageType],
      );
      expect(numbers("l2tp.avp.type"), id).toEqual(ofVendor(0));
      expect(numbers("l2tp.avp.ciscotype"), id).toEqual(ofVendor(9));
      expect(numbers("l2tp.avp.vendor_id"), id).toEqual(open.map(({ vendorId }) => vendorId));
      expect(numbers("l2tp.avp.mandatory"), id).toEqual(
        record.avps.map(({ mandatory }) => Number(mandatory)),
      );
      expect(numbers("l2tp.avp.hidden"), id).toEqual(record.avps.map(({ hidden }) => Number(hidden)));
      expect([numbers("l2tp.Ns"), numbers("l2tp.Nr"), numbers("l2tp.ccid")], id).toEqual([
        [record.ns],
        [record.nr],
        [record.controlConnectionId],
      ]);
    }
  },
);

test.each([
  ["S1", "vpn-s3cret"],
  ["S2", "correct horse battery staple"],
])("tshark finds the same digests of %s right and wrong", async (name, secret) => {
  const path = files.capture(scenario(name).filter(({ kind }) => kind === "control"));
  for (const given of [secret, "another"]) {
    const { records } = await decodeJson(path, { secretFile: [files.secret(given)] });
    const ours = controls(records).map(({ avps }) => avps.some(({ digest }) => digest === "wrong"));
    const theirs = dissect(path, ["l2tp.incorrect_digest"], ["-o", `l2tp.shared_secret:${given}`]);
    expect(theirs.map((packet) => packet["l2tp.incorrect_digest"] !== undefined)).toEqual(ours);
    expect(new Set(ours)).toEqual(new Set([given !== secret]));
  }
});

test.each(["S1", "S3"])("tshark finds the same cookies and frames in data messages of %s", async (name) => {
  const path = files.capture(scenario(name));
  const { records } = await decodeJson(path);
  const packets = dissect(path, ["l2tp.sid", "l2tp.cookie", "eth.dst", "eth.type"]);
  const found = records.filter((record) => record.kind === "data");
  expect(found).not.toHaveLength(0);
  for (const record of found) {
    const packet = packets[record.number - 1]!;
    expect(Number(packet["l2tp.sid"]?.[0])).toBe(record.sessionId);
    expect(packet["l2tp.cookie"]?.[0]?.replaceAll(":", "") ?? "").toBe(record.cookie);
    expect(packet["eth.dst"]?.[1]).toBe(record.frame?.destination);
    expect(Number(packet["eth.type"]?.[1])).toBe(record.frame?.etherType);
  }
});
