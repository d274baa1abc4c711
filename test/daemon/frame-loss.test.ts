import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import type { Config, PseudowireConfig, TunnelConfig } from "../../src/config/config.ts";
import { planChange } from "../../src/config/plan.ts";
import { dryRunReport } from "../../src/daemon/apply-reload.ts";
import { frameLossLines, frameLossOf, lossTexts } from "../../src/daemon/frame-loss.ts";
import { applySteps, planReload } from "../../src/daemon/reload.ts";
import type { Tunnels } from "../../src/daemon/tunnels.ts";
import { configOf } from "../support/configuration.ts";
import { configsWith, leavesOfSchema } from "../support/configuration-keys.ts";

/** Tunnels that only note which pseudowires lose their sessions while steps are taken. */
class NotedTunnels {
  readonly #tunnels: Map<string, Map<string, PseudowireConfig>>;
  readonly ended = new Set<string>();

  constructor({ tunnels }: Config) {
    this.#tunnels = new Map(tunnels.map((tunnel) => [tunnel.name, byName(tunnel)]));
  }

  /** The pseudowires that there are. */
  get names(): readonly string[] {
    return [...this.#tunnels.values()].flatMap((pseudowires) => [...pseudowires.keys()]).sort();
  }

  async create(tunnel: TunnelConfig) {
    if (this.#tunnels.has(tunnel.name)) throw new Error(`tunnel ${tunnel.name} is there already`);
    this.#tunnels.set(tunnel.name, byName(tunnel));
  }

  async remove(name: string) {
    for (const pseudowire of this.#of(name).keys()) this.ended.add(pseudowire);
    this.#tunnels.delete(name);
  }

  async update({ name }: TunnelConfig) {
    this.#of(name);
  }

  async rename(newNames: ReadonlyMap<string, string>) {
    const all = [...this.#tunnels];
    this.#tunnels.clear();
    for (const [name, pseudowires] of all) this.#tunnels.set(newNames.get(name) ?? name, pseudowires);
  }

  async addPseudowire(tunnel: string, pseudowire: PseudowireConfig) {
    this.#of(tunnel).set(pseudowire.name, pseudowire);
  }

  async updatePseudowire(tunnel: string, pseudowire: PseudowireConfig) {
    if (!this.#of(tunnel).has(pseudowire.name)) throw new Error(`there is no ${pseudowire.name}`);
  }

  async removePseudowire(tunnel: string, name: string) {
    this.#of(tunnel).delete(name);
    this.ended.add(name);
  }

  #of(tunnel: string): Map<string, PseudowireConfig> {
    const found = this.#tunnels.get(tunnel);
    if (found === undefined) throw new Error(`there is no tunnel ${tunnel}`);
    return found;
  }
}

function byName({ pseudowires }: TunnelConfig): Map<string, PseudowireConfig> {
  return new Map(pseudowires.map((one) => [one.name, one]));
}

/** What a reload between two configurations says that it loses, and what it ends when it is done. */
async function saidAndDone(before: Config, after: Config) {
  const noted = new NotedTunnels(before);
  const read = () => new Uint8Array();
  const secrets = () => [];
  const plan = planReload(before, after, { secrets }, { read });
  const said = plan.frameLoss.flatMap(({ pseudowires }) => pseudowires);
  const isAll = plan.steps.some(({ kind, action }) => kind === "lcce" && action === "replace");
  if (isAll) for (const { name } of before.tunnels) await noted.remove(name);
  else await applySteps(plan.steps, plan.config, noted as unknown as Tunnels);
  return { plan, said: said.sort(), done: [...noted.ended].sort(), names: noted.names, isAll };
}

/** Defaults give tunnels and pseudowires the same keys. */
const leaves = leavesOfSchema()
  .filter(({ path: [top] }) => top !== "defaults")
  .map((leaf) => ({ name: leaf.path.join("."), leaf }));

describe("what a dry run says is what the reload does", () => {
  test.each(leaves)("another value of $name", async ({ leaf }) => {
    const pairs = configsWith(leaf).flatMap(([first, ...others]) =>
      others.flatMap((other) =>
        first === undefined || isDeepStrictEqual(first, other) ? [] : [[first, other] as const],
      ),
    );
    expect(pairs.length).toBeGreaterThan(0);
    for (const [before, after] of pairs) {
      const { plan, said, done, names, isAll } = await saidAndDone(before, after);
      expect(said).toEqual(done);
      if (!isAll) expect(names).toEqual(after.tunnels.flatMap((one) => [...byName(one).keys()]).sort());
      const report = dryRunReport(plan, []);
      expect(report).toMatchObject({ changed: false, dryRun: true, steps: plan.steps, problems: [] });
      const none = said.length === 0 && plan.steps.length > 0;
      expect(report.plan.includes("no frame is lost")).toBe(none);
    }
  });

  test.each(structures())("%s", async (_name, before, after, expected) => {
    const { said, done, names, plan, isAll } = await saidAndDone(configOf(before), configOf(after));
    expect(said).toEqual(done);
    const wanted = configOf(after).tunnels.flatMap((one) => [...byName(one).keys()]);
    if (!isAll) expect(names).toEqual(wanted.sort());
    expect(
      plan.frameLoss.map(({ kind, tunnel, pseudowires }) => `${kind}: ${tunnel}: ${pseudowires}`),
    ).toEqual(expected);
  });
});

function tunnel(name: string, peer: number, pseudowires: readonly string[], keys = ""): string {
  const all = pseudowires.map((one) => `${one}: { circuit: { tap: ${one.split(",")[0]} } }`);
  const ends = `local: 192.0.2.1, remote: 192.0.2.${peer}`;
  return `  ${name}: { ${ends}${keys}, pseudowires: { ${all.join(", ")} } }\n`;
}

/** TABLE: a file, another one, and which pseudowires lose frames in which way. */
function structures(): readonly (readonly [string, string, string, readonly string[]])[] {
  const file = (...tunnels: readonly string[]) => `tunnels:\n${tunnels.join("")}`;
  const [a, b] = [tunnel("a", 2, ["p", "q"]), tunnel("b", 3, ["r"])];
  return [
    ["nothing differs", file(a, b), file(a, b), []],
    ["a tunnel more", file(a), file(a, b), []],
    ["a tunnel less", file(a, b), file(a), ["removed: b: r"]],
    ["a pseudowire less", file(a), file(tunnel("a", 2, ["p"])), ["removed: a: q"]],
    ["a tunnel by another name", file(a, b), file(tunnel("x", 2, ["p", "q"]), b), []],
    [
      "two tunnels exchange their names, and one loses a pseudowire",
      file(a, b),
      file(tunnel("b", 2, ["p"]), tunnel("a", 3, ["r"])),
      ["removed: b: q"],
    ],
    [
      "a tunnel takes the name of one that goes",
      file(a, b),
      file(tunnel("b", 2, ["p", "q"])),
      ["removed: b: r"],
    ],
    ["other ends", file(a, b), file(tunnel("a", 9, ["p", "q"]), b), ["connected: a: p,q"]],
    [
      "other ends, and one pseudowire less",
      file(a),
      file(tunnel("a", 9, ["p"])),
      ["connected: a: p", "removed: a: q"],
    ],
    [
      "a pseudowire in another tunnel",
      file(a, b),
      file(tunnel("a", 2, ["p"]), tunnel("b", 3, ["r", "q"])),
      ["connected: b: q"],
    ],
    ["a pseudowire replaced", file(a), file(a.replace("tap: q", "tap: q, vlan: 5")), ["called: a: q"]],
    [
      "a tunnel that only the peer can open",
      file(a),
      file(tunnel("a", 2, ["p", "q"], ", role: responder")),
      ["awaited connection: a: p,q"],
    ],
    ["a tunnel disabled", file(a, b), file(a, tunnel("b", 3, ["r"], ", enabled: false")), ["removed: b: r"]],
    [
      "another name of ours: every tunnel",
      file(a, b),
      `lcce: { host_name: x, router_id: 192.0.2.1 }\n${file(a, b)}`,
      ["connected: a: p,q", "connected: b: r"],
    ],
  ];
}

test("static sessions ask no peer, and who called is called again", () => {
  const fixed = (remote: number) =>
    configOf(
      `tunnels: { s: { local: 192.0.2.1, remote: 192.0.2.${remote}, control: static, pseudowires: { p: {
        circuit: { tap: t }, static: { local_session_id: 1, remote_session_id: 2 } } } } }`,
    );
  const lossOf = (before: Config, after: Config, known = {}) =>
    frameLossLines(
      frameLossOf(planChange(before, after), before, after, () => ({
        setUpMs: undefined,
        isInitiator: undefined,
        ...known,
      })),
    );
  expect(lossOf(fixed(2), fixed(3))).toEqual([
    "pseudowire p of tunnel s: for some milliseconds: no peer is asked",
  ]);
  const of = (keys: string) =>
    configOf(`tunnels:\n${tunnel("a", 2, ["p"]).replace("tap: p", `tap: p${keys}`)}`);
  expect(lossOf(of(""), of(", vlan: 4"), { isInitiator: false, setUpMs: 83.6 })).toEqual([
    expect.stringMatching(
      /^pseudowire p of tunnel a: until there is a new call.*\(the last set-up.* took 84 ms\)$/,
    ),
  ]);
  expect(lossOf(of(""), of(", vlan: 4"), { isInitiator: true })).toEqual([
    "pseudowire p of tunnel a: until the peer has answered a new call, as a rule one round trip",
  ]);
});

test("of very many pseudowires the first names are shown, and the others counted", () => {
  const names = Array.from({ length: 13 }, (_, index) => `p${index}`);
  const [before, after] = [2, 3].map((peer) => configOf(`tunnels:\n${tunnel("a", peer, names)}`)) as [
    Config,
    Config,
  ];
  const [line] = frameLossLines(frameLossOf(planChange(before, after), before, after, () => undefined));
  expect(line).toMatch(/^pseudowires p0, p1, .*, p9 and 3 more of tunnel a: until control connection/);
});

test("a dry run reads as a plan, with what is lost, and what waits for the next start", () => {
  const before = configOf(`tunnels:\n${tunnel("a", 2, ["p"])}`);
  const after = configOf(`plane: userspace\ntunnels:\n${tunnel("a", 3, ["p"])}`);
  const plan = planReload(before, after, { secrets: () => [] }, { read: () => new Uint8Array() });
  expect(dryRunReport(plan, ["tunnels.a.local: is not there"])).toMatchObject({
    plan: `update keys at the top of the file
    plane: auto -> userspace (at the next start)
replace tunnel a
    remote: 192.0.2.2 -> 192.0.2.3
frames are lost of
    pseudowire p of tunnel a: ${lossTexts.connected}
at the next start of the daemon
    keys at the top of the file: plane: auto -> userspace (at the next start)
nothing was changed: this was a dry run`,
    problems: ["tunnels.a.local: is not there"],
    nextStart: ["keys at the top of the file: plane: auto -> userspace (at the next start)"],
  });
});
