import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "../../src/bytes/hex.ts";
import { decodeSublayer, encodeDataMessage } from "../../src/wire/data-header.ts";
import { channelVectors } from "../vectors/channel-vectors.ts";

describe("RFC 5085 §6.1, RFC 4623 §5.5: words of the sublayer", () => {
  test.each(channelVectors.sublayer)("$id is read: $note", (vector) => {
    const word = Number.parseInt(vector.word_hex, 16);
    const sublayer = decodeSublayer(word);
    if (vector.v === 1) {
      const version = (word >>> 24) & 0xf;
      expect(sublayer).toEqual({
        channel: { version, channelType: vector.channel_type },
        sequenceNumber: undefined,
      });
    } else {
      expect(sublayer.channel).toBeUndefined();
      expect(sublayer.sequenceNumber).toBe(vector.sequence ?? undefined);
      expect(sublayer.fragment).toBe(
        [
          [undefined, "first"],
          ["last", "middle"],
        ][vector.b ?? 0]?.[vector.e ?? 0],
      );
      const header = { sessionId: 1, cookie: new Uint8Array(0), sublayer };
      const written = encodeDataMessage("ip", header, new Uint8Array(0));
      expect(decodeSublayer(new DataView(written.buffer, written.byteOffset).getUint32(4))).toEqual(sublayer);
    }
  });

  test.each(channelVectors.sublayer.filter(({ id }) => ["OL-09", "OL-10", "OL-11", "OL-14"].includes(id)))(
    "$id is written",
    ({ word_hex, channel_type: channelType = 0 }) => {
      const sublayer = { channel: { version: 0, channelType }, sequenceNumber: 7 };
      const header = { sessionId: 1, cookie: new Uint8Array(0), sublayer };
      const octets = encodeDataMessage("ip", header, new Uint8Array(0));
      expect(toHex(octets)).toBe(`00000001${word_hex}`);
      expect(decodeSublayer(new DataView(fromHex(word_hex).buffer).getUint32(0)).channel).toEqual(
        sublayer.channel,
      );
    },
  );
});
