import type { RawPseudowire, RawTunnel } from "./fields.ts";
import type { ReportIssue } from "./issues.ts";

/** Rules between the keys of sublayer, sequence numbers, pseudowire fragments and VCCV. */

/** Keys that lead to a tunnel. */
const TUNNEL_STEPS = 2;

/** Checks the sublayer and the sequencing of a pseudowire, and returns both with their defaults. */
export function checkSublayer(
  path: readonly string[],
  pseudowire: RawPseudowire,
  { fragmentation }: RawTunnel,
  report: ReportIssue,
): { readonly sublayer: "none" | "default"; readonly sequencing: "none" | "non-ip" | "all" } {
  const isFragmented = fragmentation === "pseudowire";
  const { sublayer = isFragmented ? "default" : "none", sequencing = isFragmented ? "all" : "none" } =
    pseudowire;
  const decisive = [
    [...path.slice(0, TUNNEL_STEPS), "fragmentation"],
    [...path, "sublayer"],
  ];
  if (isFragmented && sublayer === "none")
    report(
      [...path, "sublayer"],
      "fragmentation: pseudowire needs sublayer: default, which tells fragments: leave it out",
    );
  else if (sequencing !== "none" && sublayer === "none")
    report([...path, "sequencing"], "needs sublayer: default, which carries the numbers", decisive);
  if (isFragmented && sequencing !== "all")
    report(
      [...path, "sequencing"],
      "fragmentation: pseudowire needs sequencing: all, by which lost fragments are noticed: leave it out",
    );
  const { vccv, static: fixed } = pseudowire;
  if (vccv === "echo" && sublayer === "none")
    report([...path, "vccv"], "needs sublayer: default, whose V bit marks its messages", decisive);
  else if (vccv === "echo" && fixed?.transmit_sublayer === "none")
    report([...path, "static", "transmit_sublayer"], "vccv: echo needs default: leave it out");
  if (isFragmented && pseudowire.static?.transmit_sublayer === "none")
    report([...path, "static", "transmit_sublayer"], "fragmentation: pseudowire needs default: leave it out");
  return { sublayer, sequencing };
}
