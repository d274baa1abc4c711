import type { PseudowireConfig } from "../config/config.ts";
import type { AdministrativeAction, AdministrativeStates } from "./administrative-states.ts";
import type { Tunnel } from "./tunnel-state.ts";

/** What an operator wants done to a tunnel, or to one of its pseudowires. */
export interface AdministrativeChange {
  readonly action: AdministrativeAction;
  readonly tunnel: string;
  readonly pseudowire?: string | undefined;
}

/** How a tunnel and its pseudowires are opened and closed. */
export interface TunnelOperations {
  /** Opens the tunnel or has it wait, unless it is closed by hand. */
  begin(): Promise<void>;
  /** Gives back all that the tunnel holds. */
  end(): Promise<void>;
  /** Attaches a pseudowire of the open tunnel, unless it is closed by hand. */
  attach(pseudowire: PseudowireConfig): Promise<void>;
  /** Ends a pseudowire of the open tunnel, unless it is closed by hand. */
  drop(pseudowire: PseudowireConfig): Promise<void>;
}

/** Closes or opens a tunnel or a pseudowire of it, and has that remembered. */
export async function administer(
  tunnel: Tunnel,
  change: AdministrativeChange,
  states: AdministrativeStates,
  operations: TunnelOperations & { readonly nowMs: number },
): Promise<void> {
  const { action, pseudowire: name } = change;
  const { nowMs } = operations;
  if (name === undefined) {
    const wasDown = states.isDown("tunnel", change.tunnel);
    if (action === "down") states.close("tunnel", change.tunnel, nowMs);
    else states.open("tunnel", change.tunnel);
    if (action !== "up" && !wasDown) await operations.end();
    if (action === "bounce" || (action === "up" && wasDown)) await operations.begin();
    return;
  }
  const pseudowire = tunnel.pseudowires.get(name);
  if (pseudowire === undefined) return;
  const wasDown = states.isDown("pseudowire", name);
  const isOpen = tunnel.opened !== undefined;
  if (isOpen && action !== "up") await operations.drop(pseudowire);
  if (action === "down") states.close("pseudowire", name, nowMs);
  else states.open("pseudowire", name);
  if (isOpen && (action === "bounce" || (action === "up" && wasDown))) await operations.attach(pseudowire);
}
