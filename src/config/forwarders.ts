import type { ForwarderConfig, TunnelConfig } from "./config.ts";

/**
 * The forwarders of a file: today every pseudowire has a circuit of its own, so that each is the single
 * member of one (RFC 4664 §3.4).
 */
export function forwardersOf(tunnels: readonly TunnelConfig[]): readonly ForwarderConfig[] {
  return tunnels.flatMap(({ pseudowires }) =>
    pseudowires.map(({ name, circuit }) => ({
      circuit,
      mode: "single" as const,
      members: [{ pseudowire: name, priority: 0 }],
    })),
  );
}
