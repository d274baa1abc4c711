import type { LinkConditions } from "./conditions.ts";
import type { RelayCounters } from "./link-queue.ts";

/** What a lab and its relay of links say to each other: lines of JSON, one answer for each request. */

/** A way of frames from one interface to another, in the namespace of the relay. */
export interface RelayPath {
  readonly from: string;
  readonly to: string;
}

/** A request to the relay. */
export type RelayRequest =
  /** Adds the path, or changes what is on it. */
  | { readonly set: RelayPath; readonly conditions: LinkConditions; readonly seed: number }
  /** Sends at once what is on its way, and ends the path. */
  | { readonly remove: RelayPath }
  /** Asks for counters of a path. */
  | { readonly counters: RelayPath };

/** An answer of the relay. */
export type RelayAnswer =
  | { readonly problem: string }
  /** Counters since the conditions of the path were last set; undefined for none. */
  | { readonly problem?: undefined; readonly counters?: RelayCounters | undefined };
