import { expect, test } from "vitest";
import { filterProblem } from "../../src/lab/filter-problem.ts";

test.each([
  ["udp port 1701", undefined],
  ["ip proto 115 and not vlan", undefined],
  ["udp prot 1701", "tcpdump takes no such filter: syntax error"],
  ["udp and (", "tcpdump takes no such filter: syntax error"],
])("filter %s", (filter, problem) => {
  expect(filterProblem(filter)).toBe(problem);
});
