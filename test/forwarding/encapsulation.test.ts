import { describe, expect, test } from "vitest";
import { concat, fromHex, hex, toHex } from "../../src/bytes/hex.ts";
import { discardIndex, discardReasons } from "../../src/forwarding/discard-reasons.ts";
import {
  decapsulate,
  encapsulate,
  newSequenceState,
  type Outcome,
} from "../../src/forwarding/encapsulation.ts";
import type { AttachmentCircuit } from "../../src/forwarding/plane.ts";
import type { SessionParameters } from "../../src/wire/session-parameters.ts";
import { frameOf, padded, specialFrames } from "../support/frames.ts";
import { attachment, pathOver, sessionParameters, vlanAttachment } from "../support/sessions.ts";
import { vectors } from "../vectors/vectors.ts";

/** Octets as digits, and reasons as they are. */
function shown(outcome: Outcome): string {
  return typeof outcome === "string" ? outcome : toHex(outcome);
}

function out(
  frame: Uint8Array,
  session: SessionParameters,
  at: AttachmentCircuit = attachment(),
  next = 0,
): string {
  const before = frame.slice();
  const outcome = shown(encapsulate(frame, session, at, { ...newSequenceState(), next }));
  expect(frame, "the frame itself is left alone").toEqual(before);
  return outcome;
}

function back(
  datagram: Uint8Array,
  session: SessionParameters,
  at: AttachmentCircuit = attachment(),
): string {
  const before = datagram.slice();
  const outcome = shown(decapsulate(datagram, session, at, newSequenceState()));
  expect(datagram, "the datagram itself is left alone").toEqual(before);
  return outcome;
}

const COOKIE4 = hex`b0b1b2b3`;
const COOKIE8 = hex`b0b1b2b3 b4b5b6b7`;
const frame = specialFrames["shortest of a port"];

/**
 * Encapsulation, cookie, sublayer and numbering, and what stands in front of an IPv4 frame that is the sixth.
 */
const headers: readonly (readonly [string, Partial<SessionParameters>, string])[] = [
  ["UDP", {}, "00030000 0b0b0002"],
  ["UDP, cookie of 4", { transmitCookie: COOKIE4 }, "00030000 0b0b0002 b0b1b2b3"],
  ["UDP, cookie of 8", { transmitCookie: COOKIE8 }, "00030000 0b0b0002 b0b1b2b3b4b5b6b7"],
  ["UDP, sublayer", { transmitSublayer: "default" }, "00030000 0b0b0002 00000000"],
  [
    "UDP, cookie of 8, all numbered",
    { transmitCookie: COOKIE8, transmitSublayer: "default", transmitSequencing: "all" },
    "00030000 0b0b0002 b0b1b2b3b4b5b6b7 40000005",
  ],
  ["IP", { path: pathOver("ip") }, "0b0b0002"],
  [
    "IP, cookie of 4, sublayer",
    { path: pathOver("ip"), transmitCookie: COOKIE4, transmitSublayer: "default" },
    "0b0b0002 b0b1b2b3 00000000",
  ],
  [
    "IP, all numbered",
    { path: pathOver("ip"), transmitSublayer: "default", transmitSequencing: "all" },
    "0b0b0002 40000005",
  ],
  [
    "IP, all but IP numbered",
    { path: pathOver("ip"), transmitSublayer: "default", transmitSequencing: "non-ip" },
    "0b0b0002 00000000",
  ],
  ["numbering without a sublayer", { transmitSequencing: "all" }, "00030000 0b0b0002"],
  ["the largest session id", { remoteSessionId: 0xffff_ffff }, "00030000 ffffffff"],
];

test.each(headers)("C-197 C-198 RFC 3931 §4.1.1.1, §4.1.2.1: header over %s", (_name, changes, header) => {
  expect(out(frame, sessionParameters(changes), attachment(), 5)).toBe(toHex(fromHex(header)) + toHex(frame));
});

const data = vectors.messages.filter(({ kind }) => kind === "data");

/** The session of a vector, seen from its sender or its receiver. */
function sessionOf(vector: (typeof data)[number]): SessionParameters {
  const cookie = fromHex(vector["cookie"] as string);
  const sublayer = vector["l2ss"] === null ? "none" : "default";
  const id = vector["session_id"] as number;
  const sequencing = vector["s"] === 1 ? "all" : "none";
  return sessionParameters({
    path: pathOver(vector.transport),
    localSessionId: id,
    remoteSessionId: id,
    receiveCookie: cookie,
    transmitCookie: cookie,
    receiveSublayer: sublayer,
    transmitSublayer: sublayer,
    transmitSequencing: sequencing,
  });
}

const outcomes: Readonly<Record<string, string>> = {
  "D-40": "fragment",
  "D-41": "fragment",
  "D-42": "fragment",
  "D-50": "vccv",
  "D-51": "vccv",
  "D-52": "vccv",
};

test.each(data)(
  "C-206 C-222 RFC 3931 §4.5: vector $id becomes its frame, or is given up by name",
  (vector) => {
    const inner = fromHex(vector["inner_hex"] as string);
    const expected = outcomes[vector.id] ?? toHex(padded(inner));
    expect(back(fromHex(vector.payload_hex), sessionOf(vector))).toBe(expected);
  },
);

test.each(data.filter(({ id }) => outcomes[id] === undefined && id !== "D-35"))(
  "C-200 C-201 RFC 3931 §4.5: the frame of vector $id becomes its octets",
  (vector) => {
    const inner = fromHex(vector["inner_hex"] as string);
    const next = (vector["seq"] as number | null) ?? 0;
    expect(out(inner, sessionOf(vector), attachment(), next)).toBe(vector.payload_hex);
  },
);

const hostile: Readonly<Record<string, string>> = {
  "N-18": "unknown-session",
  "N-19": "unknown-session",
  "N-20": "wrong-cookie",
  "N-21": "truncated",
  "N-22": "truncated",
  "N-23": "bad-version",
  "N-24": "truncated",
};

test.each(vectors.malformed.filter(({ id }) => hostile[id] !== undefined))(
  "C-202 C-203 C-204 C-205 C-208 X-041: $id ($why) is discarded by name",
  ({ id, transport, payload_hex }) => {
    const session = sessionParameters({
      path: pathOver(transport),
      localSessionId: 0x0b0b0002,
      receiveCookie: COOKIE8,
      receiveSublayer: id === "N-22" ? "default" : "none",
    });
    expect(back(fromHex(payload_hex), session)).toBe(hostile[id]);
  },
);

test.each(vectors.vlan_rewrite)("X-044 X-046 C-225 RFC 4719 §3.1: $id ($action)", (vector) => {
  const given = fromHex(vector.in_hex);
  const at: Readonly<Record<string, AttachmentCircuit>> = {
    "V-01": vlanAttachment(200),
    "V-02": attachment(),
    "V-03": vlanAttachment(300, 300, 0x88a8),
  };
  const session = sessionParameters();
  const datagram = concat(hex`00030000 0a0a0001`, given);
  expect(back(datagram, session, at[vector.id])).toBe(vector.out_hex);
});

test.each(vectors.mtu)(
  "C-241 RFC 4719 §3.3: overhead $n over IPv$ipver $transport, cookie $cookie, sublayer $sublayer",
  ({ transport, cookie, sublayer, n }) => {
    const udpHeaderOctets = transport === "udp" ? 8 : 0;
    const session = sessionParameters({
      path: pathOver(transport as "udp" | "ip"),
      transmitCookie: new Uint8Array(cookie as number),
      transmitSublayer: sublayer === 0 ? "none" : "default",
    });
    expect(out(frame, session).length / 2 - frame.length + udpHeaderOctets).toBe(n);
  },
);

describe("special frames", () => {
  const session = sessionParameters({ localSessionId: 7, remoteSessionId: 7 });

  test.each(Object.entries(specialFrames))(
    "%s crosses a port unchanged, and is padded, never truncated",
    (_name, octets) => {
      const sent = out(octets, session);
      expect(sent).toBe(`0003000000000007${toHex(octets)}`);
      expect(back(fromHex(sent), session)).toBe(toHex(padded(octets)));
    },
  );

  test("the longest frame has the MTU, its header, and its tags of up to two", () => {
    for (const tags of [[], ["8100006f"], ["88a800c8", "8100006f"]]) {
      const longest = 1514 + 4 * tags.length;
      expect(out(frameOf({ tags, length: longest }), session)).not.toBe("oversize");
      expect(out(frameOf({ tags, length: longest + 1 }), session)).toBe("oversize");
    }
    const three = ["88a800c8", "8100006f", "81000070"];
    expect(out(frameOf({ tags: three, length: 1522 }), session)).not.toBe("oversize");
    expect(out(frameOf({ tags: three, length: 1526 }), session)).toBe("oversize");
    expect(out(frameOf({ length: 9014 }), session, attachment({ mtu: 9000 }))).not.toBe("oversize");
  });

  test("what comes from the peer may be longer than our MTU: it was its to judge", () => {
    const long = frameOf({ length: 9014 });
    expect(back(concat(hex`00030000 00000007`, long), session)).toBe(toHex(long));
  });
});

describe("VLANs", () => {
  const session = sessionParameters({ localSessionId: 7, remoteSessionId: 7 });
  const tagged = specialFrames["VLAN 111 with priority 5"];

  test("X-044 frames have the pseudowire's VLAN ID on the way, then the circuit's; priority stays", () => {
    const sent = out(tagged, session, vlanAttachment(111, 1000));
    expect(sent).toBe(`0003000000000007${toHex(frameOf({ tags: ["8100a3e8"], length: 64 }))}`);
    expect(back(fromHex(sent), session, vlanAttachment(222))).toBe(
      toHex(frameOf({ tags: ["8100a0de"], length: 64 })),
    );
  });

  test("drop eligibility is kept, and the kind of tag is that of the circuit where it leaves", () => {
    const eligible = frameOf({ tags: ["8100f06f", "81000005"], length: 70 });
    const sent = out(eligible, session, vlanAttachment(111));
    expect(back(fromHex(sent), session, vlanAttachment(4094, 4094, 0x88a8))).toBe(
      toHex(frameOf({ tags: ["88a8fffe", "81000005"], length: 70 })),
    );
  });

  test("other VLANs, other kinds of tag and frames without one belong to no VLAN's pseudowire", () => {
    for (const tags of [[], ["81000070"], ["88a8006f"], ["88a800c8", "8100006f"]]) {
      expect(out(frameOf({ tags, length: 70 }), session, vlanAttachment(111))).toBe("no-pseudowire");
    }
    expect(out(frameOf({ length: 17, tags: ["8100006f"] }), session, vlanAttachment(111))).toBe(
      "no-pseudowire",
    );
  });

  test("a priority tag belongs to VLAN 0", () => {
    const sent = out(specialFrames["priority tag"], session, vlanAttachment(0, 5));
    expect(sent).toContain("8100a005");
  });

  test("RFC 4719 §3.1: a frame without a tag does not leave on a VLAN", () => {
    expect(back(concat(hex`00030000 00000007`, frame), session, vlanAttachment(111))).toBe("untagged");
    expect(
      back(
        concat(hex`00030000 00000007`, frameOf({ tags: ["8100006f"], length: 17 })),
        session,
        vlanAttachment(111),
      ),
    ).toBe("untagged");
  });
});

test("X-047 what a circuit keeps of frames to reserved addresses is its policy's choice", () => {
  const session = sessionParameters();
  const kept = (to: string) =>
    (["forward", "no-pause", "block"] as const).filter(
      (linkLocal) => out(frameOf({ to }), session, attachment({ linkLocal })) === "link-local",
    );
  expect(kept("0180c2000001")).toEqual(["no-pause", "block"]);
  for (const last of ["00", "02", "03", "0e", "0f"]) expect(kept(`0180c20000${last}`)).toEqual(["block"]);
  for (const to of ["0180c2000010", "0180c2000101", "0180c2000021", "01005e000001"])
    expect(kept(to)).toEqual([]);
});

test("frames from the peer to reserved addresses are sent: the policy is for frames of the circuit", () => {
  const session = sessionParameters();
  const datagram = concat(hex`00030000 0a0a0001`, specialFrames.PAUSE);
  expect(back(datagram, session, attachment({ linkLocal: "block" }))).toBe(toHex(specialFrames.PAUSE));
});

describe("discards", () => {
  const session = sessionParameters({
    receiveCookie: COOKIE4,
    receiveSublayer: "default",
    receiveSequencing: "all",
  });
  const datagram = (word: string, cookie = "b0b1b2b3", id = "0a0a0001") =>
    concat(fromHex(`00030000 ${id} ${cookie} ${word}`), frame);

  test("from the circuit", () => {
    expect(out(frame.subarray(0, 13), session)).toBe("runt");
    expect(out(new Uint8Array(0), session)).toBe("runt");
    expect(out(frame, { ...session, transmitAllowed: false })).toBe("not-established");
    expect(out(frame, session, vlanAttachment(1))).toBe("no-pseudowire");
    expect(out(frameOf({ length: 1515 }), session)).toBe("oversize");
    expect(out(specialFrames.STP, session, attachment({ linkLocal: "block" }))).toBe("link-local");
  });

  test("from the peer", () => {
    expect(back(datagram("40000000"), session)).toBe(toHex(frame));
    expect(back(datagram("40000000", "b0b1b2b3", "0a0a0002"), session)).toBe("unknown-session");
    for (let bit = 0; bit < 32; bit += 1) {
      const cookie = ((0xb0b1b2b3 ^ (1 << bit)) >>> 0).toString(16).padStart(8, "0");
      expect(back(datagram("40000000", cookie), session), `bit ${bit}`).toBe("wrong-cookie");
    }
    expect(back(datagram("80000021"), session)).toBe("vccv");
    for (const word of ["50000000", "60000000", "70000000"])
      expect(back(datagram(word), session)).toBe("fragment");
    expect(back(datagram("40800000"), session)).toBe("out-of-sequence");
    const standby = { ...session, receiveAllowed: false };
    expect(back(datagram("40000000"), standby)).toBe("standby");
    expect(back(datagram("40000000", "b0b1b2b4"), standby)).toBe("wrong-cookie");
    for (const text of ["00020000", "c8030000", "00040000"]) {
      expect(back(concat(fromHex(`${text} 0a0a0001 b0b1b2b3 40000000`), frame), session)).toBe("bad-version");
    }
    const whole = datagram("40000000");
    for (let length = 0; length < 30; length += 1) {
      expect(back(whole.subarray(0, length), session), `${length} octets`).toBe("truncated");
    }
    expect(back(whole.subarray(0, 30), session)).toBe(toHex(padded(frame.subarray(0, 14))));
  });

  test("C-206 reserved bits of sublayer and UDP word are ignored", () => {
    expect(back(datagram("4f000000"), session)).toBe(toHex(frame));
    expect(back(concat(fromHex("7ff3ffff 0a0a0001 b0b1b2b3 40000000"), frame), session)).toBe(toHex(frame));
  });

  test("every reason has a number of its own and a help text", () => {
    for (const [index, { name, help }] of discardReasons.entries()) {
      expect(discardIndex[name]).toBe(index);
      expect(help).not.toBe("");
    }
    expect(new Set(discardReasons.map(({ name }) => name)).size).toBe(discardReasons.length);
  });
});

describe("numbers", () => {
  const numbered = sessionParameters({ transmitSublayer: "default", transmitSequencing: "all" });
  const wordOf = (outcome: Outcome) =>
    typeof outcome === "string" ? outcome : toHex(outcome.subarray(8, 12));

  test("C-209 C-211 C-213 RFC 3931 §4.6, Appendix C: numbers start at 0 and wrap after 0xffffff", () => {
    const state = newSequenceState();
    const next = () => wordOf(encapsulate(frame, numbered, attachment(), state));
    expect([next(), next(), next()]).toEqual(["40000000", "40000001", "40000002"]);
    state.next = 0xffffff;
    expect([next(), next()]).toEqual(["40ffffff", "40000000"]);
  });

  test("C-214 C-215 C-216 RFC 3931 §5.4.4: level 1 numbers all frames that are not known to be IP", () => {
    const state = newSequenceState();
    const level1 = { ...numbered, transmitSequencing: "non-ip" as const };
    const next = (octets: Uint8Array) => wordOf(encapsulate(octets, level1, attachment(), state));
    for (const type of ["0800", "86dd"]) {
      expect(next(frameOf({ type }))).toBe("00000000");
      expect(next(frameOf({ type, tags: ["8100006f"] }))).toBe("00000000");
      expect(next(frameOf({ type, tags: ["88a800c8", "8100006f", "81000001"], length: 64 }))).toBe(
        "00000000",
      );
    }
    expect(next(frameOf({ type: "0806" }))).toBe("40000000");
    expect(next(frameOf({ type: "0026" }))).toBe("40000001");
    expect(next(frameOf({ tags: ["8100006f"], type: "88cc" }))).toBe("40000002");
    expect(next(frameOf({ tags: ["8100006f"], length: 16 }))).toBe("40000003");
  });

  test("a frame that is given up takes no number", () => {
    const state = newSequenceState();
    for (const [octets, at] of [
      [frame.subarray(0, 9), attachment()],
      [frameOf({ length: 1600 }), attachment()],
      [frame, vlanAttachment(5)],
    ] as const) {
      expect(typeof encapsulate(octets, numbered, at, state)).toBe("string");
    }
    expect(state.next).toBe(0);
  });

  const receiving = sessionParameters({ receiveSublayer: "default", receiveSequencing: "all" });
  const arriving = (word: string) => concat(fromHex(`00030000 0a0a0001 ${word}`), frame);

  test("C-210 C-217 RFC 3931 §4.6, §5.4.4: numbers are ignored if S is 0 or none are negotiated", () => {
    const state = newSequenceState();
    state.received.expected = 100;
    expect(typeof decapsulate(arriving("00000005"), receiving, attachment(), state)).not.toBe("string");
    const unasked = { ...receiving, receiveSequencing: "none" as const };
    expect(typeof decapsulate(arriving("40000005"), unasked, attachment(), state)).not.toBe("string");
    expect(state.received.expected).toBe(100);
  });

  test("a truncated message or fragment uses no number; an untagged or standby one does", () => {
    const state = newSequenceState();
    expect(decapsulate(arriving("40000005").subarray(0, 20), receiving, attachment(), state)).toBe(
      "truncated",
    );
    expect(decapsulate(arriving("50000005"), receiving, attachment(), state)).toBe("fragment");
    expect(state.received.expected).toBe(0);
    expect(decapsulate(arriving("40000005"), receiving, vlanAttachment(1), state)).toBe("untagged");
    expect(state.received.expected).toBe(6);
    const standby = { ...receiving, receiveAllowed: false };
    expect(decapsulate(arriving("40000006"), standby, attachment(), state)).toBe("standby");
    expect(state.received.expected).toBe(7);
    expect(decapsulate(arriving("40000005"), receiving, attachment(), state)).toBe("out-of-sequence");
  });
});
