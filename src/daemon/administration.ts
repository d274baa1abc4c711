import { OperationalError } from "../bytes/errors.ts";
import type { Config } from "../config/config.ts";
import type { AdministrativeChange } from "./administer.ts";
import type {
  AdministeredKind,
  AdministrativeAction,
  AdministrativeReport,
  AdministrativeRequest,
  AdministrativeStates,
} from "./administrative-states.ts";
import { NoSuchNameError } from "./api-errors.ts";
import type { Log } from "./log.ts";
import type { Tunnels } from "./tunnels.ts";

/** What tunnels and pseudowires are administered with. */
export interface AdministrationContext {
  readonly config: Config;
  readonly states: AdministrativeStates;
  readonly tunnels: Tunnels;
  readonly log: Log;
}

/** TABLE: what the log says of each action. */
const actionTexts: Readonly<Record<AdministrativeAction, string>> = {
  down: "is closed by hand",
  up: "is opened by hand",
  bounce: "is closed and opened again by hand",
};

/**
 * Does what an operator asks; resolves once it is done, before the peer has answered. Rejects with
 * NoSuchNameError, and with OperationalError for what is closed and is to be bounced.
 */
export async function performAdministration(
  { kind, action, name }: AdministrativeRequest,
  { config, states, tunnels, log }: AdministrationContext,
): Promise<AdministrativeReport> {
  const change = changeOf(config, kind, action, name);
  const wasDown = states.isDown(kind, name);
  if (action === "bounce" && wasDown)
    throw new OperationalError(
      `bounce ${kind} ${name}: it is administratively down, and stays; ` +
        `to open it: wirespan ${kind} up ${name}`,
    );
  const changed = action === "bounce" || (action === "down") !== wasDown;
  if (changed)
    log.info({ event: "administration", [kind]: name, action }, `${kind} ${name} ${actionTexts[action]}`);
  await tunnels.administer(change);
  if (action === "down") return { changed };
  const isTunnelDown = states.isDown("tunnel", change.tunnel);
  const problem = isTunnelDown
    ? `its tunnel is administratively down; to open it: wirespan tunnel up ${change.tunnel}`
    : tunnels.waiting(change.tunnel)?.problem;
  return { changed, problem };
}

function changeOf(
  { tunnels, disabled }: Config,
  kind: AdministeredKind,
  action: AdministrativeAction,
  name: string,
): AdministrativeChange {
  const owner = tunnels.find((tunnel) =>
    kind === "tunnel" ? tunnel.name === name : tunnel.pseudowires.some((one) => one.name === name),
  );
  if (owner === undefined && isDisabled(disabled, kind, name))
    throw new OperationalError(`${action} ${kind} ${name}: it is disabled in the file (enabled: false)`);
  if (owner === undefined) {
    const names =
      kind === "tunnel"
        ? tunnels.map((one) => one.name)
        : tunnels.flatMap(({ pseudowires }) => pseudowires.map((one) => one.name));
    throw new NoSuchNameError(kind, name, names);
  }
  return { action, tunnel: owner.name, pseudowire: kind === "tunnel" ? undefined : name };
}

function isDisabled(
  { tunnels, pseudowires }: Config["disabled"],
  kind: AdministeredKind,
  name: string,
): boolean {
  if (kind === "tunnel") return tunnels.some((one) => one.name === name);
  const own = tunnels.flatMap((tunnel) => tunnel.pseudowires);
  return [...own, ...pseudowires.map(({ pseudowire }) => pseudowire)].some((one) => one.name === name);
}
