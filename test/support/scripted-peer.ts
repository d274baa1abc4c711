import { concat } from "../../src/bytes/hex.ts";
import { Writer } from "../../src/bytes/writer.ts";
import { encodeAvp, type RawAvp } from "../../src/wire/avp.ts";
import type { AvpValues } from "../../src/wire/avp-table.ts";
import {
  type DigestRequest,
  decodeControlMessage,
  encodeControlMessage,
  type MessageName,
  renumberControlMessage,
} from "../../src/wire/message.ts";
import { type DigestType, verifyMessageDigest } from "../../src/wire/message-digest.ts";
import type { PsnPath } from "../../src/wire/session-parameters.ts";
import { anyMessage } from "./any-message.ts";
import type { Bench } from "./bench.ts";

/** A message the LCCE sent, as the peer reads it. */
export interface Heard {
  readonly name: MessageName | "ZLB";
  readonly controlConnectionId: number;
  readonly ns: number;
  readonly nr: number;
  readonly avps: AvpValues;
  readonly atMs: number;
  readonly path: PsnPath;
  readonly octets: Uint8Array;
}

/** What a message departs from the ordinary in. */
export interface Quirks {
  readonly ns?: number;
  readonly nr?: number;
  readonly controlConnectionId?: number;
  /** AVPs appended as they are. */
  readonly raw?: readonly RawAvp[];
  /** Digests to send instead of the usual ones. */
  readonly digest?: readonly DigestRequest[];
  readonly path?: PsnPath;
}

/** How the peer authenticates: one digest for each secret, in order. */
export interface Protection {
  readonly digestType: DigestType;
  readonly secrets: readonly Uint8Array[];
  readonly nonce: Uint8Array;
}

export const ICRQ_PSEUDOWIRE = { pseudowireType: 5, remoteEndId: new TextEncoder().encode("lan") };

/** A circuit status with A=1, or A=0, and no fault. */
export function circuitStatus(active: boolean): NonNullable<AvpValues["circuitStatus"]> {
  return {
    active,
    isNew: false,
    receiveFault: false,
    transmitFault: false,
    psnReceiveFault: false,
    psnTransmitFault: false,
    standby: false,
  };
}

/** An AVP with M=1, no vendor and no value, apart from `changes`. */
export function rawAvp(attributeType: number, changes: Partial<RawAvp> = {}): RawAvp {
  return { mandatory: true, hidden: false, vendorId: 0, attributeType, value: new Uint8Array(0), ...changes };
}

/**
 * A peer that says what a test tells it to: it numbers its messages and acknowledges what it heard, and no
 * more.
 */
export class ScriptedPeer {
  readonly bench: Bench;
  /** The id it assigned itself. */
  readonly id: number;
  readonly protection: Protection | undefined;
  /** The id that the LCCE assigned itself; 0 until heard. */
  lcceId = 0;
  ns = 0;
  nr = 0;
  #lcceNonce: Uint8Array = new Uint8Array(0);

  constructor(bench: Bench, id = 0x1a2b3c4d, protection?: Protection) {
    this.bench = bench;
    this.id = id;
    this.protection = protection;
  }

  /** What an SCCRQ or SCCRP of this peer says. */
  get openingAvps(): AvpValues {
    return {
      ...(this.protection === undefined ? {} : { controlMessageAuthenticationNonce: this.protection.nonce }),
      hostName: "peer",
      routerId: 0xc0000202,
      assignedControlConnectionId: this.id,
      pseudowireCapabilitiesList: [5, 4],
      receiveWindowSize: 8,
      vendorName: "A peer of a test",
    };
  }

  /** Takes everything the LCCE sent to this peer since the last time. */
  heard(): readonly Heard[] {
    const { transmissions } = this.bench;
    const read = transmissions.map((transmission) => ({ transmission, heard: this.#read(transmission) }));
    const mine = read.filter(({ heard }) => [0, this.id].includes(heard.controlConnectionId));
    this.bench.transmissions = transmissions.filter(
      (transmission) => !mine.some((taken) => taken.transmission === transmission),
    );
    for (const { heard } of mine) this.#learn(heard);
    return mine.map(({ heard }) => heard);
  }

  /** The names of what the LCCE sent since the last time. */
  names(): readonly string[] {
    return this.heard().map(({ name }) => name);
  }

  /** The only message the LCCE sent since the last time; it must be of this name. */
  hear(name: Heard["name"]): Heard {
    const heard = this.heard();
    const [first] = heard;
    if (first === undefined || heard.length !== 1 || first.name !== name)
      throw new Error(
        `wanted ${name} alone, heard ${heard.map((message) => message.name).join(", ") || "nothing"}`,
      );
    return first;
  }

  say(name: MessageName, avps: AvpValues = {}, quirks: Quirks = {}): Uint8Array {
    const octets = this.compose(name, avps, quirks);
    if (quirks.ns === undefined && name !== "ACK") this.ns = (this.ns + 1) & 0xffff;
    this.deliver(octets, quirks.path);
    return octets;
  }

  /** The octets of a message that is not sent yet. */
  compose(name: MessageName, avps: AvpValues = {}, quirks: Quirks = {}): Uint8Array {
    const numbers = this.#numbers(quirks);
    const digest = quirks.digest ?? this.keysFor(name);
    const octets = encodeControlMessage(numbers, anyMessage(name, avps), { digest });
    const writer = new Writer();
    for (const avp of quirks.raw ?? []) encodeAvp(writer, avp);
    const extended = concat(octets, writer.finish());
    new DataView(extended.buffer).setUint16(2, extended.length);
    return renumberControlMessage(extended, numbers, digest);
  }

  /** Acknowledges by a ZLB, or by an ACK when authenticating. */
  acknowledge(quirks: Quirks = {}): void {
    if (this.protection !== undefined) this.say("ACK", {}, quirks);
    else this.deliver(encodeControlMessage(this.#numbers(quirks), undefined), quirks.path);
  }

  deliver(octets: Uint8Array, path: PsnPath = this.bench.settings.path): void {
    this.bench.input({ kind: "datagram", path, octets });
  }

  keysFor(name: MessageName): readonly DigestRequest[] {
    const { protection } = this;
    if (protection === undefined) return [];
    const nonces = name === "SCCRQ" ? new Uint8Array(0) : concat(protection.nonce, this.#lcceNonce);
    return protection.secrets.map((secret) => ({ digestType: protection.digestType, secret, nonces }));
  }

  /** Whether the digest of a heard message is right, seen from here. */
  verifies(heard: Heard, nonce: Uint8Array = this.protection?.nonce ?? new Uint8Array(0)): boolean {
    const nonces = heard.name === "SCCRQ" ? new Uint8Array(0) : concat(this.#lcceNonce, nonce);
    const secrets = this.protection?.secrets ?? [];
    return verifyMessageDigest(
      heard.octets,
      secrets.map((secret) => ({ secret, nonces })),
    );
  }

  #numbers(quirks: Quirks) {
    return {
      controlConnectionId: quirks.controlConnectionId ?? this.lcceId,
      ns: quirks.ns ?? this.ns,
      nr: quirks.nr ?? this.nr,
    };
  }

  #read({ octets, path, atMs }: { octets: Uint8Array; path: PsnPath; atMs: number }): Heard {
    const decoded = decodeControlMessage(octets, { hidingSecrets: this.protection?.secrets ?? [] });
    const { controlConnectionId, ns, nr } = decoded.header;
    if (decoded.kind === "unknown-type") throw new Error(`heard message type ${decoded.messageType}`);
    if (decoded.kind === "zlb")
      return { name: "ZLB", avps: {}, controlConnectionId, ns, nr, atMs, path, octets };
    if (decoded.problem !== undefined) throw new Error(`heard a bad message: ${decoded.problem.text}`);
    const { name, avps } = decoded.message;
    return { name, avps, controlConnectionId, ns, nr, atMs, path, octets };
  }

  #learn({ name, ns, avps }: Heard): void {
    if (name === "ZLB" || name === "ACK") return;
    if (ns === this.nr) this.nr = (this.nr + 1) & 0xffff;
    if (name !== "SCCRQ" && name !== "SCCRP") return;
    this.lcceId = avps.assignedControlConnectionId ?? 0;
    this.#lcceNonce = avps.controlMessageAuthenticationNonce ?? new Uint8Array(0);
  }
}
