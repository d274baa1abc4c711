import type { Config, PseudowireConfig, TunnelConfig } from "../config/config.ts";
import { formatStep, type PlanStep, replacesAll } from "../config/plan.ts";

/** Which pseudowires lose frames by a reload, and for how long: an estimate, of what is known before. */

/** What is known of the control connection of a tunnel that is established. */
export interface KnownConnection {
  /** How long its last set-up took, in ms. */
  readonly setUpMs: number | undefined;
  /** Whether we opened it. */
  readonly isInitiator: boolean | undefined;
}

/** How frames are lost: what has to happen until they pass again. */
export type LossKind = "removed" | "static" | "called" | "awaited call" | "connected" | "awaited connection";

/** TABLE: until when frames are lost. */
export const lossTexts: Readonly<Record<LossKind, string>> = {
  removed: "for good",
  static: "for some milliseconds: no peer is asked",
  called: "until the peer has answered a new call, as a rule one round trip",
  "awaited call":
    "until there is a new call: the peer opened the control connection, and may call first, so up to some " +
    "10 s and a round trip",
  connected:
    "until control connection and sessions are set up anew, as a rule three to four round trips; longer " +
    "if messages get lost or the peer is slow to take it",
  "awaited connection": "until the peer opens the control connection again, which only it can",
};

/** Pseudowires that lose frames in the same way. */
export interface FrameLoss {
  readonly kind: LossKind;
  /** The tunnel that they are in afterwards, or where they are removed. */
  readonly tunnel: string;
  readonly pseudowires: readonly string[];
  /** Until when, for people. */
  readonly until: string;
  /** How long the last set-up of the tunnel's control connection took, in ms; absent where none is known. */
  readonly lastSetUpMs?: number;
}

/** Names that a line shows of many. */
const MOST_NAMES = 10;

/** The pseudowires whose frames are lost by the steps from one configuration to another. */
export function frameLossOf(
  steps: readonly PlanStep[],
  before: Pick<Config, "tunnels">,
  after: Pick<Config, "tunnels">,
  known: (tunnel: string) => KnownConnection | undefined,
): readonly FrameLoss[] {
  const changes = new StepsByName(steps);
  const wanted = new Map(after.tunnels.flatMap(ofTunnel).map((one) => [one.pseudowire.name, one]));
  const found = new Map<string, { readonly loss: FrameLoss; readonly names: string[] }>();
  for (const tunnel of before.tunnels) {
    for (const { name } of tunnel.pseudowires) {
      if (!changes.isInterrupted(tunnel.name, name)) continue;
      const next = wanted.get(name);
      const loss = lossOf(tunnel, next, changes, known(tunnel.name));
      const key = `${loss.kind} ${loss.tunnel}`;
      const one = found.get(key) ?? { loss, names: [] };
      found.set(key, one);
      one.names.push(name);
    }
  }
  return [...found.values()].map(({ loss, names }) => ({ ...loss, pseudowires: names }));
}

function ofTunnel(tunnel: TunnelConfig) {
  return tunnel.pseudowires.map((pseudowire) => ({ tunnel, pseudowire }));
}

function lossOf(
  former: TunnelConfig,
  next: { readonly tunnel: TunnelConfig; readonly pseudowire: PseudowireConfig } | undefined,
  changes: StepsByName,
  known: KnownConnection | undefined,
): FrameLoss {
  if (next === undefined) return lossFor("removed", changes.newName(former.name), undefined);
  const { tunnel, pseudowire } = next;
  if (pseudowire.staticSession !== undefined) return lossFor("static", tunnel.name, undefined);
  const isSame = changes.newName(former.name) === tunnel.name;
  // Of a tunnel that another name or other ends make another one, nothing is known.
  const lastSetUpMs = isSame ? known?.setUpMs : undefined;
  if (!isSame || changes.isNew(tunnel.name))
    return lossFor(isDialled(tunnel) ? "connected" : "awaited connection", tunnel.name, lastSetUpMs);
  const isCalled = known?.isInitiator !== false || tunnel.control?.role === "initiator";
  return lossFor(isCalled ? "called" : "awaited call", tunnel.name, lastSetUpMs);
}

function lossFor(kind: LossKind, tunnel: string, lastSetUpMs: number | undefined): FrameLoss {
  const measured = lastSetUpMs === undefined ? {} : { lastSetUpMs: Math.round(lastSetUpMs) };
  return { kind, tunnel, pseudowires: [], until: lossTexts[kind], ...measured };
}

/** Whether the control connection can be opened by us. */
function isDialled({ remote, control }: TunnelConfig): boolean {
  return remote.kind !== "any" && control?.role !== "responder";
}

/** The steps of a plan, by what they are of. */
class StepsByName {
  readonly #isAll: boolean;
  readonly #tunnels = new Map<string, PlanStep["action"]>();
  readonly #pseudowires = new Map<string, PlanStep["action"]>();
  readonly #newNames = new Map<string, string>();

  constructor(steps: readonly PlanStep[]) {
    this.#isAll = replacesAll(steps);
    for (const { kind, action, name, newName, tunnel } of steps) {
      if (newName !== undefined) this.#newNames.set(name, newName);
      else if (kind === "tunnel") this.#tunnels.set(name, action);
      else if (kind === "pseudowire") this.#pseudowires.set(`${tunnel} ${name}`, action);
    }
  }

  newName(tunnel: string): string {
    return this.#newNames.get(tunnel) ?? tunnel;
  }

  /** Whether a tunnel is opened, by its new name. */
  isNew(tunnel: string): boolean {
    const action = this.#tunnels.get(tunnel);
    return this.#isAll || action === "replace" || action === "create";
  }

  /** Whether the session of a pseudowire ends, by the former name of its tunnel. */
  isInterrupted(tunnel: string, pseudowire: string): boolean {
    if (this.#isAll) return true;
    // A tunnel that another one's new name replaces is removed by that name.
    const ends = (action: PlanStep["action"] | undefined) => action === "replace" || action === "remove";
    if (!this.#newNames.has(tunnel) && ends(this.#tunnels.get(tunnel))) return true;
    return ends(this.#pseudowires.get(`${this.newName(tunnel)} ${pseudowire}`));
  }
}

/** What a reload loses, a line for each kind and tunnel; none where no frame is lost. */
export function frameLossLines(losses: readonly FrameLoss[]): readonly string[] {
  return losses.map(({ tunnel, pseudowires, until, lastSetUpMs, kind }) => {
    const shown = pseudowires.slice(0, MOST_NAMES).join(", ");
    const more = pseudowires.length > MOST_NAMES ? ` and ${pseudowires.length - MOST_NAMES} more` : "";
    const noun = pseudowires.length === 1 ? "pseudowire" : "pseudowires";
    const measured =
      lastSetUpMs === undefined || kind === "removed"
        ? ""
        : ` (the last set-up of the control connection took ${lastSetUpMs} ms)`;
    return `${noun} ${shown}${more} of tunnel ${tunnel}: ${until}${measured}`;
  });
}

/** What waits for the next start of the daemon, a line for each key. */
export function nextStartLines(steps: readonly PlanStep[]): readonly string[] {
  return steps.flatMap((step) =>
    step.reasons
      .filter((reason) => reason.endsWith(AT_NEXT_START))
      .map((reason) => `${formatStep(step).replace(/^update /, "")}: ${reason}`),
  );
}

const AT_NEXT_START = "(at the next start)";
