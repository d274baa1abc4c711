import type { AvpValues } from "../wire/avp-table.ts";
import type { FragmentLimits, L2SpecificSublayer, SessionParameters } from "../wire/session-parameters.ts";
import type { PseudowireSettings } from "./settings.ts";

/**
 * What two ends say of pseudowire fragments (RFC 4623 §5): MRU and MRRU in ICRQ, ICRP, ICCN and SLI. Each
 * holds for one direction: who announces an MRRU puts frames together.
 */

/**
 * Our MRU: the longest UDP payload over IPv4. We take whatever arrives; that the path takes less, the sender
 * finds out for itself.
 */
export const OUR_MRU = 65_507;

/** Octets of the least MRU that is used: a header of 20 octets, and some of a frame. */
const LEAST_MRU = 64;

/** AVPs by which we take fragments; none where we do not. */
export function fragmentAvps({ mrru }: PseudowireSettings): { mru?: number; mrru?: number } {
  return mrru === undefined ? {} : { mru: OUR_MRU, mrru };
}

/**
 * What the peer announced of fragments, after a message of it: the newest values count. An MRRU without an
 * MRU, which must accompany it, says nothing (RFC 4623 §5.4).
 */
export function announcedFragments(
  { mru, mrru }: AvpValues,
  before: FragmentLimits | undefined,
): FragmentLimits | undefined {
  if (mru === undefined) return before;
  if (mrru !== undefined) return { mru, mrru };
  return before && { ...before, mru };
}

/** Whether two ends announced the same of fragments. */
export function isSameFragments(one: FragmentLimits | undefined, other: FragmentLimits | undefined): boolean {
  return one?.mru === other?.mru && one?.mrru === other?.mrru;
}

/** What a peer wants of the data messages that it receives. */
interface Announced {
  readonly sublayer: L2SpecificSublayer;
  readonly fragments?: FragmentLimits | undefined;
}

/** The parameters of a session that are about fragments. */
export function agreedFragments(
  { mrru, sublayer: ours }: PseudowireSettings,
  { sublayer, fragments }: Announced,
): Pick<SessionParameters, "receiveMrru" | "transmitFragments"> {
  if (mrru === undefined) return {};
  const isUsed = fragments !== undefined && fragments.mru >= LEAST_MRU && sublayer !== "none";
  return {
    ...(ours === "none" ? {} : { receiveMrru: mrru }),
    ...(isUsed ? { transmitFragments: fragments } : {}),
  };
}

/** What to do where one end has fragments and the other has not. */
export const FRAGMENTS_AT_BOTH = "set fragmentation: pseudowire at both ends, or at neither";

/**
 * What the operator should know of a session for which fragments are configured, or only at the peer, which
 * `announced` them.
 */
export function fragmentNotes(
  { mrru }: PseudowireSettings,
  { transmitFragments }: SessionParameters,
  announced: FragmentLimits | undefined,
): readonly string[] {
  if (mrru === undefined)
    return announced === undefined
      ? []
      : [
          `the peer puts pseudowire fragments together (RFC 4623), and here fragmentation is another: ` +
            `no end fragments so; ${FRAGMENTS_AT_BOTH}`,
        ];
  if (transmitFragments === undefined)
    return [
      "the peer takes no pseudowire fragments: it announced no MRRU that can be used (RFC 4623); " +
        "what is too long for the path is fragmented by IP, as with fragmentation: outer; " +
        FRAGMENTS_AT_BOTH,
    ];
  if (transmitFragments.mrru >= mrru) return [];
  return [
    `the peer puts together frames of ${transmitFragments.mrru} octets at most (its MRRU), and ours may ` +
      `have ${mrru}: longer ones that do not fit the path are discarded (peer-mrru); ` +
      "set the same mtu at both ends",
  ];
}
