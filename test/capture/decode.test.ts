import { afterAll, expect, test } from "vitest";
import { concat, fromHex, toHex } from "../../src/bytes/hex.ts";
import { ethernetFrame, ipPacket, linkPacket, linkType, pcapFile, pcapngFile } from "../support/captures.ts";
import {
  controls,
  DecodeFiles,
  dataOf,
  decodeJson,
  decodeText,
  frameOf,
  scenario,
} from "../support/decode-files.ts";
import { runCommand } from "../support/run-command.ts";
import { vectors } from "../vectors/vectors.ts";

const files = new DecodeFiles();
afterAll(() => files.remove());

const control = vectors.messages.filter(({ kind }) => kind === "control");
const data = vectors.messages.filter(({ kind }) => kind === "data");
const ZERO_WORD = new Uint8Array(4);

/** Names of messages that the vectors call otherwise. */
const otherNames: Readonly<Record<string, string>> = { vendor: "Cisco ACK", "?": "message type 99" };

const encapsulations = [
  { family: 4, transport: "udp", format: "pcap" },
  { family: 6, transport: "udp", format: "pcapng" },
  { family: 4, transport: "ip", format: "pcapng" },
  { family: 6, transport: "ip", format: "pcap" },
] as const;

test.each(encapsulations)(
  "RFC 3931 §3.2.1, §5.1, §6: messages of all vectors over $transport, IPv$family, in $format",
  async ({ family, transport, format }) => {
    // A header of version 2 stands only over UDP (RFC 3931 §4.7.3).
    const messages = control.filter(({ header }) => transport === "udp" || header?.ver === 3);
    const packets = messages.map((message) => {
      const octets = fromHex(message.message_hex);
      const payload = transport === "udp" ? octets : concat(ZERO_WORD, octets);
      return { octets: ethernetFrame(ipPacket({ family, transport, from: message.src }, payload)) };
    });
    const write = format === "pcap" ? pcapFile : pcapngFile;
    const { records, summary } = await decodeJson(files.write(write(linkType.ethernet, packets)));
    expect(summary).toMatchObject({ control: messages.length, data: 0, malformed: 0, other: 0 });
    expect(records).toHaveLength(messages.length);
    for (const [index, record] of controls(records).entries()) {
      const message = messages[index]!;
      const name = message["msg_name"] as string;
      const { ccid, ns, nr, length } = message.header!;
      expect(record, message.id).toMatchObject({
        number: index + 1,
        encapsulation: transport,
        source:
          family === 4 ? `192.0.2.${message.src === "A" ? 1 : 2}` : `2001:db8::${message.src.toLowerCase()}`,
        message: otherNames[name] ?? name,
        controlConnectionId: ccid,
        ns,
        nr,
        length,
      });
      expect(
        record.avps.map((avp) => [avp.attributeType, avp.vendorId, +avp.mandatory, +avp.hidden, avp.value]),
      ).toEqual((message.avps ?? []).map(({ type, vendor, m, h, value }) => [type, vendor, m, h, value]));
      for (const avp of record.avps) {
        if (avp.attributeType !== 4242) expect(avp.name, message.id).not.toMatch(/AVP \d+$/);
      }
    }
  },
);

test("the text of a whole set-up: messages, AVPs in words, digests, data, totals", async () => {
  const wanted = new Set([
    "S1-01",
    "S1-02",
    "S1-03",
    "S1-04",
    "S1-05",
    "S1-06",
    "S1-07",
    "S1-17",
    "S1-D1",
    "S1-D2",
  ]);
  const messages = scenario("S1").filter(({ id }) => wanted.has(id));
  const text = await decodeText(files.capture(messages), { secretFile: [files.secret("vpn-s3cret")] });
  expect(text.split("\n")).toEqual([
    "1  2023-11-14T22:13:20.000000Z  192.0.2.1:1701 -> 192.0.2.2:1701  " +
      "UDP  SCCRQ  connection 0x00000000  Ns 0  Nr 0  length 150",
    "      M-  Message Type: SCCRQ (1)",
    "      M-  Message Digest: HMAC-MD5 b30c51501e6e1835b51b67a1c05a61a8  right",
    "      M-  Control Message Authentication Nonce: 101112131415161718191a1b1c1d1e1f",
    '      M-  Host Name: "lcce-a.example"',
    "      M-  Router ID: 192.0.2.1",
    "      M-  Assigned Control Connection ID: 0x1a2b3c4d",
    "      M-  Pseudowire Capabilities List: Ethernet (0x0005), Ethernet VLAN (0x0004)",
    "      M-  Receive Window Size: 8 messages",
    "      M-  Tie Breaker: 0102030405060708",
    '      --  Vendor Name: "example"',
    "2  2023-11-14T22:13:20.000001Z  192.0.2.2:1701 -> 192.0.2.1:1701  " +
      "UDP  SCCRP  connection 0x1a2b3c4d  Ns 0  Nr 1  length 140",
    "      M-  Message Type: SCCRP (2)",
    "      M-  Message Digest: HMAC-MD5 5077846742174fff580ddd0d92c3ca9d  right",
    "      M-  Control Message Authentication Nonce: e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3",
    '      M-  Host Name: "lcce-b.example"',
    "      M-  Router ID: 10.11.12.13",
    "      M-  Assigned Control Connection ID: 0x5e6f7081",
    "      M-  Pseudowire Capabilities List: Ethernet (0x0005), Ethernet VLAN (0x0004)",
    "      M-  Receive Window Size: 8 messages",
    '      --  Vendor Name: "example"',
    "3  2023-11-14T22:13:20.000002Z  192.0.2.1:1701 -> 192.0.2.2:1701  " +
      "UDP  SCCCN  connection 0x5e6f7081  Ns 1  Nr 1  length 43",
    "      M-  Message Type: SCCCN (3)",
    "      M-  Message Digest: HMAC-MD5 d8eb475d24e02bec217d9f895c0c36ad  right",
    "4  2023-11-14T22:13:20.000003Z  192.0.2.2:1701 -> 192.0.2.1:1701  " +
      "UDP  ACK  connection 0x1a2b3c4d  Ns 1  Nr 2  length 43",
    "      M-  Message Type: ACK (20)",
    "      M-  Message Digest: HMAC-MD5 b5d112088d9bbd5dc91011fb244945f8  right",
    "5  2023-11-14T22:13:20.000004Z  192.0.2.1:1701 -> 192.0.2.2:1701  " +
      "UDP  ICRQ  connection 0x5e6f7081  Ns 2  Nr 1  length 113",
    "      M-  Message Type: ICRQ (10)",
    "      M-  Message Digest: HMAC-MD5 557d6f447ef1a2b55d6b35bdfa0f82a7  right",
    "      M-  Local Session ID: 0x0a0a0001",
    "      M-  Remote Session ID: not known yet (0)",
    "      --  Serial Number: 1",
    "      M-  Pseudowire Type: Ethernet (0x0005)",
    "      M-  Remote End ID: 00000064 (100)",
    "      M-  Circuit Status: active, new",
    "      M-  Assigned Cookie: a0a1a2a3a4a5a6a7 (8 octets)",
    "6  2023-11-14T22:13:20.000005Z  192.0.2.2:1701 -> 192.0.2.1:1701  " +
      "UDP  ICRP  connection 0x1a2b3c4d  Ns 1  Nr 3  length 85",
    "      M-  Message Type: ICRP (11)",
    "      M-  Message Digest: HMAC-MD5 3e165b973ad328340ccbe42bf97baef0  right",
    "      M-  Local Session ID: 0x0b0b0002",
    "      M-  Remote Session ID: 0x0a0a0001",
    "      M-  Circuit Status: active, new",
    "      M-  Assigned Cookie: b0b1b2b3b4b5b6b7 (8 octets)",
    "7  2023-11-14T22:13:20.000006Z  192.0.2.1:1701 -> 192.0.2.2:1701  " +
      "UDP  ICCN  connection 0x5e6f7081  Ns 3  Nr 2  length 71",
    "      M-  Message Type: ICCN (12)",
    "      M-  Message Digest: HMAC-MD5 6c695a2a735f3ca546d2bb4013b44216  right",
    "      M-  Local Session ID: 0x0a0a0001",
    "      M-  Remote Session ID: 0x0b0b0002",
    "      M-  Circuit Status: active",
    "8  2023-11-14T22:13:20.000007Z  192.0.2.1:1701 -> 192.0.2.2:1701  " +
      "UDP  CDN  connection 0x5e6f7081  Ns 7  Nr 4  length 71",
    "      M-  Message Type: CDN (14)",
    "      M-  Message Digest: HMAC-MD5 2742fae44187bfa17e3fbfd390c43cda  right",
    "      M-  Result Code: closed by its operator (3)",
    "      M-  Local Session ID: 0x0a0a0001",
    "      M-  Remote Session ID: 0x0b0b0002",
    "9  2023-11-14T22:13:20.000008Z  192.0.2.1:1701 -> 192.0.2.2:1701  " +
      "UDP  data  session 0x0b0b0002  cookie b0b1b2b3b4b5b6b7  " +
      "02:00:00:00:00:0a > ff:ff:ff:ff:ff:ff  ARP  60 octets",
    "10  2023-11-14T22:13:20.000009Z  192.0.2.2:1701 -> 192.0.2.1:1701  " +
      "UDP  data  session 0x0a0a0001  cookie a0a1a2a3a4a5a6a7  " +
      "02:00:00:00:00:0a > 02:00:00:00:00:0b  IPv4  60 octets",
    "8 control messages, 2 data messages, 0 malformed, 0 wrong digests, 0 other packets",
    "",
  ]);
});

test.each(["S1", "S2", "S3"])(
  "RFC 3931 §4.1, §5.4.4: data of %s has cookie and sublayer that its receiver assigned in this capture",
  async (name) => {
    const secret = vectors.meta.scenario_secret[name];
    const { records } = await decodeJson(files.capture(scenario(name)), {
      secretFile: secret === undefined ? [] : [files.secret(secret)],
    });
    const messages = scenario(name).filter(({ kind }) => kind === "data");
    const found = dataOf(records);
    expect(found).toHaveLength(messages.length);
    for (const [index, record] of found.entries()) {
      const message = messages[index]!;
      expect(record).toMatchObject({
        sessionId: message["session_id"],
        format: "learnt",
        cookie: message["cookie"],
        cookieMatches: true,
        payloadOctets: (message["inner_hex"] as string).length / 2,
      });
      expect(record.frame?.source).toBe("02:00:00:00:00:0a");
      expect(record.sublayer?.sequenceNumber ?? null).toBe(message["s"] ? message["seq"] : null);
    }
  },
);

test("an end that has another address after the set-up is still known by its ids", async () => {
  const messages = scenario("S1").filter(({ ipver: family }) => family === 4);
  const setUp = messages.findIndex(({ kind }) => kind === "data");
  const packets = messages.map((message, index) => {
    const octets = frameOf(message);
    // Source or destination address of the IPv4 header, behind that of Ethernet.
    if (index >= setUp) octets.set(fromHex("c6336407"), message.src === "A" ? 26 : 30);
    return { octets };
  });
  const file = files.write(pcapFile(linkType.ethernet, packets));
  const { records } = await decodeJson(file, { secretFile: [files.secret("vpn-s3cret")] });
  expect(records.slice(setUp).some(({ source }) => source === "198.51.100.7")).toBe(true);
  const digests = controls(records).flatMap(({ avps }) => avps.flatMap(({ digest }) => digest ?? []));
  expect(new Set(digests)).toEqual(new Set(["right"]));
  expect(dataOf(records).every(({ format, cookieMatches }) => format === "learnt" && cookieMatches)).toBe(
    true,
  );
  const { records: wrong } = await decodeJson(file, { secretFile: [files.secret("another")] });
  const verdicts = controls(wrong).flatMap(({ avps }) => avps.flatMap(({ digest }) => digest ?? []));
  expect(verdicts).not.toContain("right");
});

test("RFC 3931 §4.6, RFC 4623 §5.5, RFC 5085 §6.1: all data vectors, by their options", async () => {
  const messages = data.filter(({ scenario: name }) => name === "D");
  for (const message of messages) {
    const { records } = await decodeJson(files.capture([message]), {
      cookie: String(message["cookie_len"]) as "0" | "4" | "8",
      sublayer: message["l2ss"] === null ? "none" : "default",
    });
    const [record] = dataOf(records);
    expect(record, message.id).toMatchObject({
      sessionId: message["session_id"],
      format: "given",
      cookie: message["cookie"],
      cookieMatches: null,
      payloadOctets: (message["inner_hex"] as string).length / 2,
    });
    expect(record?.sublayer?.vccvChannel ?? undefined, message.id).toBe(message["channel"]);
  }
  const { records } = await decodeJson(files.capture(messages.filter(({ id }) => /^D-4/.test(id))), {
    cookie: "8",
    sublayer: "default",
  });
  expect(dataOf(records).map(({ sublayer }) => sublayer?.fragment)).toEqual([
    "first",
    "middle",
    "last",
    null,
  ]);
});

test("data of a session without its set-up: its octets, and which options would explain them", async () => {
  const path = files.capture(scenario("S1").filter(({ kind }) => kind === "data"));
  const { records, summary } = await decodeJson(path);
  expect(dataOf(records)[0]).toMatchObject({
    format: "unknown",
    cookie: null,
    frame: null,
    payloadOctets: 68,
  });
  expect(summary.unknownSessions).toBe(2);
  expect(await decodeText(path)).toContain("use --cookie and --sublayer to read them");
});

test("RFC 3931 §8.2: a cookie that the receiver did not assign is pointed out", async () => {
  const wrong = scenario("S1").map((message) =>
    message.id === "S1-D1"
      ? { ...message, payload_hex: message.payload_hex.replace("b0b1", "b0b2") }
      : message,
  );
  const path = files.capture(wrong);
  const { records } = await decodeJson(path);
  expect(dataOf(records).map(({ cookieMatches }) => cookieMatches)).toEqual([false, true]);
  expect(await decodeText(path)).toContain("not the assigned cookie");
});

test("RFC 3931 §7.1: malformed messages are named with the decoder's reason", async () => {
  const packets = vectors.malformed.map(({ transport, payload_hex }) => ({
    octets: ethernetFrame(ipPacket({ family: 4, transport, from: "A" }, fromHex(payload_hex))),
  }));
  const { records, summary } = await decodeJson(files.write(pcapFile(linkType.ethernet, packets)));
  const reasons = Object.fromEntries(
    records.flatMap((record) =>
      record.kind === "malformed" ? [[vectors.malformed[record.number - 1]?.id, record.reason]] : [],
    ),
  );
  expect(reasons).toMatchInlineSnapshot(`
    {
      "N-01": "read length: wanted 2 octets at offset 2, 0 present",
      "N-02": "read a control message header: length 21 of 20 octets",
      "N-03": "read a control message header: length 11 of 20 octets",
      "N-04": "read a control message header: T bit is 0",
      "N-05": "read a control message header: L bit is 0",
      "N-06": "read a control message header: S bit is 0",
      "N-07": "read a control message header: version 4",
      "N-09": "read the AVPs of a control message: AVP 0/0 has Length 5",
      "N-10": "read avpValue: wanted 3 octets at offset 18, 2 present",
      "N-13": "read a control message: the first AVP is no Message Type",
      "N-18": "session id 0 in a data message",
    }
  `);
  expect(summary).toMatchObject({
    malformed: Object.keys(reasons).length,
    otherReasons: { "L2TP of another version": 2 },
  });
});

test("RFC 3931 §5.2, §7.1: messages that are refused have a reason, and unreadable AVPs too", async () => {
  const { records, summary } = await decodeJson(files.capture(scenario("S10")));
  const refusals = controls(records).flatMap(({ number, refusal }) =>
    refusal === null ? [] : [[number, refusal]],
  );
  expect(refusals).toMatchInlineSnapshot(`
    [
      [
        1,
        "AVP 4242 is unknown here and mandatory (RFC 3931 §5.2)",
      ],
      [
        4,
        "AVP 4242 is unknown here and mandatory (RFC 3931 §5.2)",
      ],
      [
        14,
        "rxConnectSpeed: read a 64-bit value: 4 octets (RFC 3931 §5.1)",
      ],
      [
        16,
        "unknown message type, and mandatory (RFC 3931 §5.4.1)",
      ],
    ]
  `);
  expect(summary.refused).toBe(refusals.length);
  const unread = controls(records).flatMap(({ avps }) => avps.flatMap(({ problem }) => problem ?? []));
  expect(unread).toEqual(Array(2).fill("read a 64-bit value: 4 octets"));
});

test("RFC 3931 §4.1.2: answers from a port that the responder picked are found", async () => {
  const { summary } = await decodeJson(files.capture(scenario("S4")));
  expect(summary).toMatchObject({ control: 7, other: 0 });
  const moved = scenario("S1").map((message) => ({ ...message, sport: 4000, dport: 4001 }));
  expect((await decodeJson(files.capture(moved))).summary).toMatchObject({ control: 0, other: 22 });
  expect((await decodeJson(files.capture(moved), { port: 4001 })).summary).toMatchObject({
    control: 20,
    data: 2,
  });
});

test("--control leaves data messages out, but counts them", async () => {
  const { records, summary } = await decodeJson(files.capture(scenario("S1")), { control: true });
  expect(records.map(({ kind }) => kind)).toEqual(Array(20).fill("control"));
  expect(summary.data).toBe(2);
  const nothing = vectors.malformed.find(({ id }) => id === "N-18")!;
  const octets = ethernetFrame(
    ipPacket({ family: 4, transport: "udp", from: "A" }, fromHex(nothing.payload_hex)),
  );
  const path = files.write(pcapFile(linkType.ethernet, [{ octets }]));
  expect((await decodeJson(path)).records).toMatchObject([{ kind: "malformed", of: "data" }]);
  expect(await decodeJson(path, { control: true })).toMatchObject({ records: [], summary: { malformed: 1 } });
});

test("--json: keys are stable", async () => {
  const { records, summary } = await decodeJson(files.capture(scenario("S3")));
  const keys = (record: object | undefined) => Object.keys(record ?? {}).join(" ");
  expect(keys(controls(records)[0])).toBe(
    "number time encapsulation source sourcePort destination destinationPort notes kind " +
      "version length controlConnectionId ns nr message messageType avps refusal",
  );
  expect(keys(controls(records)[0]?.avps[0])).toMatchInlineSnapshot(
    `"vendorId attributeType name mandatory hidden value revealed text problem digest digestNote"`,
  );
  expect(keys(dataOf(records)[0])).toBe(
    "number time encapsulation source sourcePort destination destinationPort notes kind " +
      "sessionId format cookie cookieMatches sublayer frame content payloadOctets",
  );
  expect(keys(summary)).toMatchInlineSnapshot(
    `"kind control refused data unknownSessions malformed wrongDigests other otherReasons complete"`,
  );
  expect(records[0]).toMatchObject({ time: "2023-11-14T22:13:20.000000Z", sourcePort: null });
});

test("text of a peer cannot do anything to a terminal", async () => {
  const text = new TextEncoder().encode('\u001b[31m\u009b1m\u202eevil"\\\r\n');
  const avp = `80${(6 + text.length).toString(16).padStart(2, "0")}00000007${toHex(text)}`;
  const octets = fromHex(
    `c803${(20 + 6 + text.length).toString(16).padStart(4, "0")}00000000000000008008000000000001${avp}`,
  );
  const packet = linkPacket(linkType.ethernet, ipPacket({ family: 4, transport: "udp", from: "A" }, octets));
  const path = files.write(pcapFile(linkType.ethernet, [{ octets: packet }]));
  const line = (await decodeText(path)).split("\n").find((part) => part.includes("Host Name"));
  expect(line).toBe('      M-  Host Name: "\\u{1b}[31m\\u{9b}1m\\u{202e}evil\\u{22}\\u{5c}\\u{d}\\u{a}"');
});

test("the command line: files that cannot be read throw, options are checked", async () => {
  const run = (...words: string[]) => runCommand("decode", ...words);
  await expect(run("/nowhere/trace.pcap")).rejects.toThrow("read a capture: ENOENT (/nowhere/trace.pcap)");
  await expect(run(files.write("no capture at all"))).rejects.toThrow(
    /read a capture: EINVAL .*unknown file format/,
  );
  const path = files.capture(scenario("S3"));
  await expect(run(path, "--secret-file", "/nowhere/secret")).rejects.toThrow("read a secret: ENOENT");
  for (const words of [["--port", "70000"], ["--port", "x"], ["--cookie", "5"], ["--sublayer", "atm"], []]) {
    const file = words.length === 0 ? [] : [path];
    await expect(run(...words, ...file)).rejects.toThrow(/error: /);
  }
  await run(path, "--port", "1701", "--cookie", "8", "--sublayer", "default", "--control", "--json");
});

test("a file that ends inside a packet is read to there, and reported as incomplete", async () => {
  const whole = pcapFile(
    linkType.ethernet,
    scenario("S1").map((message) => ({ octets: frameOf(message) })),
  );
  const { records, summary } = await decodeJson(files.write(whole.subarray(0, -3)));
  expect(records).toHaveLength(21);
  expect(summary.complete).toBe(false);
  expect(await decodeText(files.write(whole.subarray(0, -3)))).toContain("the file ends inside a packet");
});
