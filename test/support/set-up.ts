import type { PeerSettings, PseudowireSettings } from "../../src/control/settings.ts";
import type { AvpValues } from "../../src/wire/avp-table.ts";
import { Bench, lan } from "./bench.ts";
import { circuitStatus, ICRQ_PSEUDOWIRE, type Protection, ScriptedPeer } from "./scripted-peer.ts";

/** The session id that scripted peers assign themselves. */
export const PEER_SESSION = 0x0a0a0001;

/** An LCCE that waits for the SCCRP of a scripted peer. */
export function opening(changes: Partial<PeerSettings> = {}, protection?: Protection) {
  const bench = new Bench({ role: "initiator", ...changes });
  const peer = new ScriptedPeer(bench, undefined, protection);
  bench.open();
  const sccrq = peer.hear("SCCRQ");
  return { bench, peer, sccrq };
}

/** A connection that the LCCE opened, established. */
export function initiated(changes: Partial<PeerSettings> = {}, protection?: Protection) {
  const { bench, peer } = opening(changes, protection);
  peer.say("SCCRP", peer.openingAvps);
  peer.hear("SCCCN");
  peer.acknowledge();
  return { bench, peer };
}

/** An LCCE whose SCCRP waits for the SCCCN of a scripted peer. */
export function answering(changes: Partial<PeerSettings> = {}, protection?: Protection) {
  const bench = new Bench({ role: "responder", ...changes });
  const peer = new ScriptedPeer(bench, undefined, protection);
  bench.open();
  peer.say("SCCRQ", peer.openingAvps);
  const sccrp = peer.hear("SCCRP");
  return { bench, peer, sccrp };
}

/** A connection that the peer opened, established. */
export function answered(changes: Partial<PeerSettings> = {}, protection?: Protection) {
  const { bench, peer } = answering(changes, protection);
  peer.say("SCCCN");
  peer.hear(protection === undefined ? "ZLB" : "ACK");
  return { bench, peer };
}

/** A call of the LCCE that waits for its ICRP. */
export function calling(
  pseudowire: PseudowireSettings = lan,
  changes: Partial<PeerSettings> = {},
  protection?: Protection,
) {
  const { bench, peer } = initiated(changes, protection);
  bench.openSession(pseudowire);
  const icrq = peer.hear("ICRQ");
  return { bench, peer, icrq, ids: idsOf(icrq.avps) };
}

/** A session that the LCCE called for, established. */
export function called(
  pseudowire: PseudowireSettings = lan,
  reply: AvpValues = {},
  changes: Partial<PeerSettings> = {},
  protection?: Protection,
) {
  const { bench, peer, icrq, ids } = calling(pseudowire, changes, protection);
  peer.say("ICRP", { ...ids, circuitStatus: circuitStatus(true), ...reply });
  const iccn = peer.hear("ICCN");
  peer.acknowledge();
  return { bench, peer, icrq, iccn, ids };
}

/** What the ICRQ of a scripted peer says. */
export function request(changes: AvpValues = {}): AvpValues {
  return {
    localSessionId: PEER_SESSION,
    remoteSessionId: 0,
    serialNumber: 1,
    ...ICRQ_PSEUDOWIRE,
    circuitStatus: circuitStatus(true),
    ...changes,
  };
}

/** A call of the peer that waits for its ICCN. */
export function ringing(pseudowire: PseudowireSettings = lan, changes: AvpValues = {}) {
  const { bench, peer } = answered();
  bench.openSession(pseudowire);
  peer.say("ICRQ", request(changes));
  const icrp = peer.hear("ICRP");
  return { bench, peer, icrp, ids: idsOf(icrp.avps) };
}

/** A session that the peer called for, established. */
export function received(pseudowire: PseudowireSettings = lan, changes: AvpValues = {}) {
  const { bench, peer, icrp, ids } = ringing(pseudowire, changes);
  peer.say("ICCN", ids);
  peer.hear("ZLB");
  return { bench, peer, icrp, ids };
}

/** The ids that the peer puts into its messages of a session. */
export function idsOf(avps: AvpValues) {
  return { localSessionId: PEER_SESSION, remoteSessionId: avps.localSessionId ?? 0 };
}
