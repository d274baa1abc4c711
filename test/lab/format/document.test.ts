import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { told } from "../../support/topology-mistakes.ts";

/** The topologies in docs/lab.md. */
const text = readFileSync(new URL("../../../docs/lab.md", import.meta.url), "utf8");
const blocks = [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, block = ""]) => block);
const whole = blocks.filter((block) => block.startsWith("title: "));

/** A configuration that a file of the user's own may have: both ends of one tunnel. */
const end = (local: string, remote: string) => `tunnels:
  t:
    local: ${local}
    remote: ${remote}
    secret: { file: /etc/wirespan.secret }
    pseudowires: { lan: { circuit: { interface: eth1 } } }
`;
const files = {
  "/lab/branch.yaml": end("203.0.113.9", "203.0.113.2"),
  "/lab/hq.yaml": end("203.0.113.2", "203.0.113.9"),
};

describe("topologies in docs/lab.md are valid", () => {
  test("there are four", () => expect(whole).toHaveLength(4));

  test.each(whole)("%s", (topology) => {
    expect(told(topology, files)).toEqual([]);
  });
});

test("the mistakes that it tells are told", () => {
  const offices = whole[0] ?? "";
  const wrong = offices
    .replace("vlan: 10, address: 10.10.0.1/24", "vlna: 10")
    .replace(/local: .*1$/m, "local: 192.0.2.7");
  const lines = told(wrong).map((line) => line.replace("own.yaml", "offices.yaml"));
  expect(/```text\n([\s\S]*?)\n```/.exec(text)?.[1]?.split("\n")).toEqual(lines);
});
