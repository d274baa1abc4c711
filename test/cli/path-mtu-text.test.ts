import { expect, test } from "vitest";
import { pathMtuText } from "../../src/cli/path-mtu-text.ts";
import type { PathMtuStatus } from "../../src/daemon/status.ts";

/** TABLE: what is known of a path, and the words for it. */
const rows: readonly (readonly [PathMtuStatus, string])[] = [
  [
    { octets: 1492, source: "measured", by: "HELLO", measuredAgoMs: 12_400, search: "search-complete" },
    "1492, measured by HELLO 12 s ago",
  ],
  [
    { octets: 1200, source: "measured", by: "HELLO", measuredAgoMs: 2000, search: "searching" },
    "1200, measured by HELLO 2 s ago, more is being tried",
  ],
  [
    { octets: 1500, source: "interface", search: "base" },
    "1500, assumed: the MTU of the interface or the route",
  ],
  [{ octets: 1400, source: "reported" }, "1400, assumed: reported by a router"],
  [
    { octets: 1500, source: "measured", reportedOctets: 1400, by: "HELLO", measuredAgoMs: 3000 },
    "1500, measured by HELLO 3 s ago; 1400 by ICMP, which does not count",
  ],
  [
    { octets: 1500, source: "interface", search: "error" },
    "1500, assumed: the MTU of the interface or the route; the peer answers no long messages",
  ],
];

test.each(rows)("a path MTU says how it is known: %j", (status, text) => {
  expect(pathMtuText(status)).toBe(text);
});
