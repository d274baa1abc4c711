import { linux, recvmmsg } from "../../os/libc.ts";
import { SOCKADDR_OCTETS, VNET_HEADER_OCTETS } from "../../os/memory.ts";
import { SHORTEST_FRAME_OCTETS } from "../../wire/ethernet.ts";
import { type DiscardReason, discardIndex } from "../discard-reasons.ts";
import { type Arena, RECEIVE_BATCH, ReceiveSlots } from "./arena.ts";
import type { WorkerEndpoint } from "./commands.ts";
import { openMessage } from "./fast-path.ts";
import { UNCHARGED_ROW } from "./session-row.ts";
import type { ForwardedSession, Tables } from "./tables.ts";
import type { Charges, Transmitter } from "./transmitter.ts";

/** Batches read from one socket before the others have their turn. */
const MOST_BATCHES = 4;
const T_BIT = 0x80;
const verdictOf = (reason: DiscardReason): number => -1 - discardIndex[reason];
const TRUNCATED = verdictOf("truncated");
const BAD_VERSION = verdictOf("bad-version");
const UNKNOWN_SESSION = verdictOf("unknown-session");
const WRONG_PEER = verdictOf("wrong-peer");

/** A control message found among the data: offsets of its octets and of its sender's socket address. */
export type ControlHandler = (endpoint: WorkerEndpoint, start: number, length: number, name: number) => void;

/** From the peers to the attachment circuits: reads datagrams in batches, checks each one, takes our headers off. */
export class PeerSide {
  readonly #arena: Arena;
  readonly #tables: Tables;
  readonly #charges: Charges;
  readonly #toCircuits: Transmitter;
  readonly #control: ControlHandler;
  readonly #slots: ReceiveSlots;
  /** Zeros: an empty virtio-net header, and the padding of short frames. */
  readonly #zeros: number;

  constructor(
    arena: Arena,
    slots: number,
    tables: Tables,
    charges: Charges,
    toCircuits: Transmitter,
    control: ControlHandler,
  ) {
    this.#arena = arena;
    this.#tables = tables;
    this.#charges = charges;
    this.#toCircuits = toCircuits;
    this.#control = control;
    this.#slots = new ReceiveSlots(arena, slots, true, false);
    this.#zeros = arena.take(SHORTEST_FRAME_OCTETS);
  }

  /** Reads what waits on a socket and delivers it. */
  serve(endpoint: WorkerEndpoint): void {
    const slots = this.#slots;
    for (let batch = 0; batch < MOST_BATCHES; batch += 1) {
      const count = recvmmsg(
        endpoint.fd,
        this.#arena.address(slots.messages),
        RECEIVE_BATCH,
        linux.MSG_DONTWAIT,
        0,
      );
      for (let index = 0; index < count; index += 1) {
        this.#take(endpoint, slots.start(index), slots.length(index), slots.name(index));
      }
      this.#toCircuits.flush();
      if (count > 0) slots.recycle(count, true, false);
      if (count < RECEIVE_BATCH) return;
    }
  }

  #take(endpoint: WorkerEndpoint, received: number, octets: number, name: number): void {
    const { view } = this.#arena;
    let start = received;
    let length = octets;
    if (endpoint.encapsulation === "udp") {
      if (length < 2) return this.#charges.discarded(UNCHARGED_ROW, TRUNCATED);
      if ((view.getUint8(start) & T_BIT) !== 0) return this.#control(endpoint, start, length, name);
      if ((view.getUint8(start + 1) & 0xf) !== 3) return this.#charges.discarded(UNCHARGED_ROW, BAD_VERSION);
      start += 4;
      length -= 4;
    } else if (!endpoint.isV6) {
      // IPv4 raw sockets give the IP header too (raw(7)).
      const headerOctets = length === 0 ? 0 : (view.getUint8(start) & 0xf) * 4;
      start += headerOctets;
      length -= headerOctets;
    }
    if (length < 4) return this.#charges.discarded(UNCHARGED_ROW, TRUNCATED);
    const session = this.#tables.sessions.get(view.getInt32(start));
    if (session === undefined) return this.#charges.discarded(UNCHARGED_ROW, UNKNOWN_SESSION);
    if (session.fd !== endpoint.fd || !this.#isFromPeer(name, session, endpoint)) {
      return this.#charges.discarded(session.row, WRONG_PEER);
    }
    const frame = openMessage(view, start + 4, length - 4, session);
    if (frame < 0) return this.#charges.discarded(session.row, frame);
    this.#deliver(session, frame, start + length - frame);
  }

  #isFromPeer(name: number, session: ForwardedSession, endpoint: WorkerEndpoint): boolean {
    const { view } = this.#arena;
    if (endpoint.encapsulation === "udp" && view.getUint16(name + 2) !== view.getUint16(session.name + 2))
      return false;
    if (session.nameOctets !== SOCKADDR_OCTETS)
      return view.getInt32(name + 4) === view.getInt32(session.name + 4);
    let difference = 0;
    for (let offset = 8; offset < 24; offset += 4) {
      difference |= view.getInt32(name + offset) ^ view.getInt32(session.name + offset);
    }
    return difference === 0;
  }

  #deliver(session: ForwardedSession, frame: number, length: number): void {
    const { circuit } = session;
    this.#toCircuits.aim(circuit.fd, circuit.kind === "tap");
    const { messages } = this.#toCircuits;
    const padding = length < SHORTEST_FRAME_OCTETS ? SHORTEST_FRAME_OCTETS - length : 0;
    messages.setVector(messages.count, 0, this.#zeros, VNET_HEADER_OCTETS);
    messages.setVector(messages.count, 1, frame, length);
    messages.setVector(messages.count, 2, this.#zeros, padding);
    this.#toCircuits.push(session.row, length, 3, 0, 0);
  }
}
