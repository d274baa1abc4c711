import { expect, test } from "vitest";
import { statusText } from "../../src/cli/status/overview.ts";
import { disabledConnections, disabledPseudowires } from "../../src/daemon/disabled-report.ts";
import { subjectsOfStatus } from "../../src/daemon/mtu-subjects.ts";
import { isWanted, type StatusReport } from "../../src/daemon/status.ts";
import { isSiteUp } from "../../src/lab/daemons.ts";
import { configOf } from "../support/configuration.ts";

const config = configOf(`defaults: { tunnel: { local: 192.0.2.1, secret: { file: s } } }
tunnels:
  on: { remote: 192.0.2.2, pseudowires: { a: { enabled: false, circuit: { interface: eth1, vlan: 5 } } } }
  off: { remote: branch.example, enabled: false, pseudowires: { b: { circuit: { tap: t } } } }
`);

test("what is disabled is in the status, with a reason, and counts as nothing that should be up", () => {
  const [connections, pseudowires] = [disabledConnections(config), disabledPseudowires(config)];
  expect(connections).toMatchObject([
    { tunnel: "off", state: "disabled", remote: "branch.example", whyNot: "disabled in the file" },
  ]);
  expect(pseudowires.map(({ name, state, circuit, whyNot }) => [name, state, circuit, whyNot])).toEqual([
    ["b", "disabled", "t", "its tunnel is disabled in the file"],
    ["a", "disabled", "eth1 vlan 5", "disabled in the file"],
  ]);
  expect([...connections, ...pseudowires].some(isWanted)).toBe(false);
  const report: StatusReport = {
    ...{ apiVersion: 1, version: "0", pid: 1, uptimeMs: 0, hostName: "h", routerId: "192.0.2.1" },
    ...{ plane: { name: "userspace", reason: "a test" }, discards: {}, control: {} },
    ...{ log: { lostLines: 0, leftOutLines: 0 }, controlConnections: connections, pseudowires },
  };
  expect(isSiteUp(report)).toBe(true);
  expect(statusText(report)).toContain("tunnel off: disabled in the file");
  expect(subjectsOfStatus(report, {})).toEqual([]);
});
