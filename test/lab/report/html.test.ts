import { expect, test } from "vitest";
import type { StatusReport } from "../../../src/daemon/status.ts";
import { zeroCounters } from "../../../src/forwarding/counters-table.ts";
import { reportHtml } from "../../../src/lab/report/html.ts";
import type { Ladder } from "../../../src/lab/report/ladder.ts";
import type { ReportData } from "../../../src/lab/report/report-data.ts";
import { failedResult, passedResult, testDocument } from "../../support/test-results.ts";

/** Text that would do harm in any place where it is not escaped. */
const hostile = `</pre></style><script src="http://x/">alert(1)</script>'"><img onerror=x>`;

function status(
  name: string,
  receivedFrames: number,
  discards: Readonly<Record<string, number>>,
): StatusReport {
  const counts = { ...zeroCounters, receivedFrames };
  return {
    apiVersion: 1,
    version: "1",
    pid: 1,
    uptimeMs: 1,
    hostName: name,
    routerId: "1.2.3.4",
    plane: { name: "ebpf", reason: name },
    controlConnections: [
      {
        ...{ tunnel: name, state: "established", encapsulation: "udp", local: "a", remote: "b" },
        ...{ authentication: name, sent: 4, received: 5, retransmitted: 6, whyNot: name },
      },
    ],
    pseudowires: [
      {
        name,
        tunnel: name,
        state: "idle",
        type: "ethernet",
        circuit: name,
        localCircuit: "up",
        discards,
        ...counts,
      },
    ],
    discards: {},
    control: {},
    log: { lostLines: 0, leftOutLines: 0 },
  };
}

const ladderOf = (text: string): Ladder => ({
  left: text,
  right: text,
  encapsulation: "UDP",
  steps: [
    {
      ...{ atMs: 12.5, fromLeft: true, message: "SCCRQ", ns: 0, nr: 0, isRetransmission: true },
      ...{ digest: "wrong", problem: text, avps: [`Host Name: ${text}`] },
    },
    {
      ...{ atMs: 20, fromLeft: false, message: "ZLB", ns: 1, nr: 2, isRetransmission: false },
      ...{ digest: "right", problem: undefined, avps: [] },
    },
  ],
});

function data(text: string): ReportData {
  const results = [
    { ...passedResult, title: text, seen: text },
    { ...failedResult, title: text, expected: text, seen: text, difference: text, command: text },
  ];
  const document = testDocument([
    ...results,
    { ...failedResult, number: 3, discarded: { hq: { "wrong-cookie": 7 } } },
  ]);
  return {
    document: { ...document, topology: { name: text, title: text, file: text, argument: text } },
    drawing: "<svg></svg>",
    daemons: [
      {
        name: text,
        before: status(text, 3, {}),
        after: status(text, 10, { "wrong-cookie": 4 }),
        configuration: text,
        problems: [{ time: "2026-01-02T03:04:05.678Z", level: "warn", text }],
      },
    ],
    networks: [
      { name: text, ladders: [ladderOf(text)], problem: undefined },
      { name: "mpls", ladders: [], problem: text },
    ],
    links: [{ name: text, conditions: text, realisedBy: text }],
    captures: [{ point: text, file: text }],
  };
}

/** Names of the elements of a page, in order; throws where one is closed that is not the last open one. */
function elementsOf(html: string): readonly string[] {
  const empty = new Set(["meta", "!doctype", "br", "img"]);
  const open: string[] = [];
  const names: string[] = [];
  for (const [, slash, name = ""] of html.matchAll(/<(\/?)([a-z!][a-z0-9]*)[^>]*>/gi)) {
    const lower = name.toLowerCase();
    if (empty.has(lower)) continue;
    if (slash === "") {
      names.push(lower);
      open.push(lower);
    } else if (open.pop() !== lower) throw new Error(`</${lower}> closes nothing`);
  }
  if (open.length > 0) throw new Error(`${open.join(", ")} not closed`);
  return names;
}

test("hostile text changes nothing of the page's structure", () => {
  const html = reportHtml(data(hostile));
  expect(elementsOf(html)).toEqual(elementsOf(reportHtml(data("plain"))));
  expect(html).not.toMatch(/<script|<img|onerror=x>/);
  expect(elementsOf(html)).not.toContain("script");
});

test("the page loads nothing from anywhere, and has no scripts", () => {
  const html = reportHtml(data("plain"));
  expect(html).not.toMatch(/\b(?:src|srcset|action)=|@import|url\(|<link|<script|<iframe|\bon[a-z]+=/i);
  for (const [, target] of html.matchAll(/href="([^"]*)"/g)) expect(target).toMatch(/^#check-\d+$/);
  expect(html).toContain("default-src 'none'");
});

test("the page has what was collected", () => {
  const html = reportHtml(data("plain")).replaceAll(/<style>.*?<\/style>/gs, "");
  const text = html.replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ");
  expect(text).toContain("2 of 3 checks FAILED");
  expect(text).toContain("discarded meanwhile wrong-cookie 7 at hq");
  expect(text).toContain("wrong-cookie 0 4 +4");
  expect(text).toContain("receivedFrames 3 10 +7");
  expect(text).toContain("03:04:05.678 warn plain");
  expect(text).toContain("0.013 s SCCRQ Ns 0 Nr 0 again digest wrong refused");
  expect(text).toContain("0.020 s ZLB Ns 1 Nr 2 digest right");
  expect(html).toContain('<span class="arrow right">');
  expect(html).toContain('<span class="arrow left">');
  expect(html).toContain("<svg></svg>");
});
