import { durationText } from "../bytes/duration.ts";
import type { PathMtuStatus } from "../daemon/status.ts";

/** A path MTU in words. */
export function pathMtuText(status: PathMtuStatus): string {
  const { octets, source, reportedOctets, by, measuredAgoMs, search } = status;
  const how = `by ${by}${measuredAgoMs === undefined ? "" : ` ${durationText(measuredAgoMs)} ago`}`;
  const report = reportedOctets === undefined ? "" : `; ${reportedOctets} by ICMP, which does not count`;
  const more = search === "searching" ? ", more is being tried" : "";
  if (source === "measured") return `${octets}, measured ${how}${more}${report}`;
  const origin = source === "interface" ? "the MTU of the interface or the route" : "reported by a router";
  const unknown = search === "error" ? "; the peer answers no long messages" : "";
  return `${octets}, assumed: ${origin}${unknown}`;
}
