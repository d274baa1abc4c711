import { OperationalError } from "../bytes/errors.ts";
import type { TunnelConfig } from "../config/config.ts";
import { StaticFollow } from "../control/static-follow.ts";
import { OwnEnds } from "../os/own-ends.ts";
import type { PeerNames } from "./peer-names.ts";
import { pathOf, peerSettings } from "./settings.ts";
import { endsNow, TunnelEnds } from "./tunnel-ends.ts";
import type { Opened, TunnelContext } from "./tunnel-state.ts";

/** Reads the secrets of a tunnel and opens its ends. Rejects with OperationalError, and nothing is left. */
export async function openTunnelEnds(
  context: TunnelContext,
  config: TunnelConfig,
  peerNames: PeerNames,
  inTurn: (act: () => Promise<void>) => Promise<void>,
): Promise<Opened> {
  const { control, name } = config;
  const secrets = (control?.authentication.secrets ?? []).map((source) => context.readSecret(source, name));
  using own = new OwnEnds();
  const chosen = endsNow(config, undefined, peerNames, own);
  if ("problem" in chosen) throw new OperationalError(chosen.problem);
  const held = await TunnelEnds.open(context, inTurn, config, chosen);
  const follow = config.follow === "cookie" ? new StaticFollow() : undefined;
  return { held, secrets, hasAddress: true, follow, peerMoves: undefined };
}

/** Has the control plane open the connection of a tunnel whose ends are open, unless it is static. */
export function openConnection(
  context: TunnelContext,
  config: TunnelConfig,
  { held, secrets }: Pick<Opened, "held" | "secrets">,
): void {
  const { control } = config;
  if (control === undefined) return;
  const path = pathOf(config, held.inUse);
  const peer = { ...peerSettings(config, control, path, secrets), ...context.pathMtu(config.name, path) };
  context.input({ kind: "open-connection", peer });
}
