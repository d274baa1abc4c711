/** What a path took in a search before. */
export interface FormerOctets {
  readonly octets: number;
  /** When that was measured, in ms of the clock. */
  readonly measuredMs: number;
}

/** What happens to a search. Sizes are those of IP packets, headers included, in octets. */
export type PathMtuInput =
  /** The peer can be reached, through an interface of this MTU; `former`: what the path took before. */
  | { readonly kind: "reachable"; readonly interfaceOctets: number; readonly former?: FormerOctets }
  | { readonly kind: "unreachable" }
  /** Packets take another path now; `former`: what that took before. */
  | { readonly kind: "path-changed"; readonly former?: FormerOctets }
  /** Probes go by another carrier, since none of the one before was answered. */
  | { readonly kind: "carrier-changed" }
  /** The MTU of the interface that packets leave by. */
  | { readonly kind: "interface"; readonly octets: number }
  /** A router said what fits, in a message that the kernel validated (RFC 1191, RFC 8201). */
  | { readonly kind: "reported"; readonly octets: number }
  /** The kernel has forgotten such a message, or has one that names more. */
  | { readonly kind: "report-ended" }
  /** The probe that was asked for last was acknowledged in time. */
  | { readonly kind: "acknowledged"; readonly roundTripMs: number }
  /** It was lost, or had to make room for another message, which says nothing of its size. */
  | { readonly kind: "lost" | "withdrawn" }
  /** Nor is anything else answered by which probes travel: none of them says anything of the path. */
  | { readonly kind: "unanswered" }
  /** What was found is to be probed once more. */
  | { readonly kind: "confirm" }
  /** Data messages are exchanged. */
  | { readonly kind: "data" }
  /** `deadlineMs` has come. */
  | { readonly kind: "time" };

export type PathMtuEffect =
  /** Send a probe of this size, and wait so long for its acknowledgement. */
  | { readonly kind: "probe"; readonly octets: number; readonly waitMs: number }
  /** What the path is known to take changed; undefined where nothing is known any more. */
  | { readonly kind: "changed"; readonly octets: number | undefined };
