import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { Sites } from "../support/sites.ts";
import { readText } from "../support/text-rules.ts";

/** Metrics of a running daemon, and the rules for Prometheus, as promtool judges them. */

let sites: Sites;
beforeAll(async () => {
  sites = await Sites.make();
  await sites.ip("a", "link set lo up");
});
afterAll(() => sites[Symbol.asyncDispose]());

const LISTEN = "192.0.2.1:9701";
const TOKEN = "0123456789abcdef0123456789abcdef";

async function scrape(...words: readonly string[]): Promise<string> {
  return (await sites.exec("a", "curl", "-sf", "--max-time", "20", ...words)).stdout;
}

const ofControlSocket = () => scrape("--unix-socket", sites.socket("a"), "http://localhost/metrics");
const ofListener = () => scrape("-H", `Authorization: Bearer ${TOKEN}`, `http://${LISTEN}/metrics`);

test.each(["userspace", "ebpf"])("plane %s: promtool finds nothing wrong, and counts grow", async (plane) => {
  const token = sites.file("token");
  writeFileSync(token, `${TOKEN}\n`, { mode: 0o600 });
  const top = { http: { listen: LISTEN, token: { file: token } } };
  const daemons = [
    sites.start("a", sites.write("a", sites.configuration("a", plane, {}, top))),
    sites.start("b", sites.write("b", sites.configuration("b", plane))),
  ];
  await sites.reached();
  const text = await ofListener();
  const checked = await run(["promtool", "check", "metrics"], { input: text, accept: [0, 1, 3] });
  expect([checked.status, checked.stdout, checked.stderr]).toEqual([0, "", ""]);
  expect(text).toContain(`wirespan_build_info{version="0.1.0",plane="${plane}"} 1\n`);
  expect(text).toContain('wirespan_tunnel_up{tunnel="peer"} 1\n');
  expect(text).toContain('wirespan_tunnel_state{tunnel="peer",state="established"} 1\n');
  expect(text).toContain('wirespan_pseudowire_up{tunnel="peer",pseudowire="lan"} 1\n');
  const frames = /^wirespan_pseudowire_frames_total\{.*direction="transmitted"\} ([1-9]\d*)$/m;
  expect(text).toMatch(frames);
  expect(text).toMatch(/^wirespan_tunnel_path_mtu_bytes\{tunnel="peer"\} 1500$/m);
  // A file that is refused, and then one that is not.
  const good = sites.read("a.yaml");
  writeFileSync(sites.file("a.yaml"), "nonsense: 1\n");
  await sites.reload("a");
  await expect
    .poll(ofControlSocket, { timeout: 10_000 })
    .toContain("wirespan_config_last_reload_successful 0\n");
  writeFileSync(sites.file("a.yaml"), good);
  await sites.reload("a");
  await expect
    .poll(ofControlSocket, { timeout: 10_000 })
    .toContain("wirespan_config_last_reload_successful 1\n");
  for (const daemon of daemons) await daemon.end();
});

test("the alert rules are in order, and fire when they are meant to", async () => {
  const rules = new URL("../../packaging/prometheus/wirespan-rules.yaml", import.meta.url).pathname;
  await run(["promtool", "check", "rules", rules]);
  const { text } = readText("test/support/wirespan-rules-test.yaml");
  writeFileSync(sites.file("rules-test.yaml"), text.replace("RULES", rules));
  const { stdout } = await run(["promtool", "test", "rules", sites.file("rules-test.yaml")]);
  expect(stdout).toContain("SUCCESS");
});
