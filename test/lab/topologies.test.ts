import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readTopology } from "../../src/lab/format/read.ts";
import { topologyName, topologyNames } from "../../src/lab/topology-files.ts";
import {
  type CapturedMessage,
  connections,
  controlMessages,
  extract,
  tsharkSays,
} from "../support/control-captures.ts";
import { exampleLabs } from "../support/example-labs.ts";
import { MAIN, output, planes, wirespan } from "../support/lab.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-topologies-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Whether a message of an attempt that came to nothing is the StopCCN that refused it. */
function isRefusal(part: readonly CapturedMessage[], message: string | null): boolean {
  return message === "StopCCN" && !part.some((other) => other.message === "SCCRP");
}

/** Topologies whose sessions are static: nothing is negotiated. */
const withoutControl: ReadonlySet<string> = new Set(["static"]);

/** Topologies in which peers move: tshark takes a peer elsewhere for one whose nonce was not heard. */
const withMoves: ReadonlySet<string> = new Set(["any-branch"]);

const cases = [...topologyNames(), ...exampleLabs()].flatMap((path) =>
  planes.map((plane) => [topologyName(path), plane, path] as const),
);

describe.each(cases)("topology %s, plane %s", (name, plane, path) => {
  const topology = readTopology(path);
  const secret = topology.secret ?? "";
  const inFolder = (file: string) => join(folder, `${name}-${plane}-${file}`);

  test("comes up, and everything that must hold between its hosts does", async () => {
    const { status, stdout, stderr } = await wirespan(
      ...["lab", "test", path, "--plane", plane],
      ...["--capture", inFolder("wan.pcap")],
    );
    expect(stderr).toBe("");
    expect(stdout).not.toContain("FAIL");
    expect(stdout).toMatch(/\n\d+ checks passed\n$/);
    expect(status).toBe(0);
  });

  test("wirespan decode and tshark find all messages of its capture valid, all digests right", async () => {
    const capture = inFolder("wan.pcap");
    const secretFile = inFolder("secret");
    writeFileSync(secretFile, secret === "" ? "none" : secret, { mode: 0o600 });
    const messages = await controlMessages(capture, secretFile);
    if (withoutControl.has(name)) expect(messages).toEqual([]);
    else expect(messages.length).toBeGreaterThanOrEqual(8);
    const digests = messages.flatMap(({ avps }) =>
      avps.flatMap(({ digest }) => (digest === null ? [] : [digest])),
    );
    expect((await tsharkSays(capture, secret)).malformed).toEqual([]);
    expect(digests).toEqual(topology.secret === undefined ? [] : messages.map(() => "right"));
    if (withMoves.has(name)) return;
    for (const [index, part] of connections(messages).entries()) {
      const piece = inFolder(`connection-${index}.pcap`);
      await extract(
        capture,
        part.map(({ number }) => number),
        piece,
      );
      const { control: all, wrong } = await tsharkSays(piece, secret);
      const { wrong: withAnother } = await tsharkSays(piece, "another secret");
      expect(all).toHaveLength(part.length);
      // A refusal is made with the one nonce that was told (RFC 3931 §5.4.1); tshark uses both or none, and
      // so misjudges it.
      const refusals = part.flatMap(({ message }, at) => (isRefusal(part, message) ? [all[at]] : []));
      const misjudged = topology.secret === undefined ? [] : refusals;
      expect(wrong).toEqual(misjudged);
      expect(withAnother).toEqual(topology.secret === undefined ? [] : all);
    }
  });
});

test.each(["SIGINT", "SIGTERM", "SIGKILL"] as const)(
  "%s ends a lab, and all that runs in it",
  async (signal) => {
    const lab = spawn(process.execPath, [MAIN, "lab", "test", "vlan-trunk"]);
    // Until nobody is left who could write.
    const text = output(lab);
    await once(lab.stdout, "data");
    lab.kill(signal);
    expect(await text).not.toMatch(/checks? passed/);
  },
);

test("a lab whose daemons end at once is not waited for", async () => {
  const { status, stderr } = await wirespan("lab", "up", "ipv6", "--plane", "nonsense");
  await wirespan("lab", "down", "ipv6");
  expect(stderr).toMatch(/lcce-[ab]: wirespan: exit status 3; its log says: .*plane/);
  expect(status).toBe(1);
});
