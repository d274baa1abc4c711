import { expect, test } from "vitest";
import type { Config, TunnelConfig } from "../../src/config/config.ts";
import {
  attachmentOf,
  deviceOf,
  endpointOf,
  identityOf,
  pathOf,
  peerSettings,
  pseudowireSettings,
  staticSessionOf,
} from "../../src/daemon/settings.ts";
import { hasEffect, leavesOfSchema } from "../support/configuration-keys.ts";

/**
 * Everything that the daemon takes from a configuration: settings of other layers, and what it reads itself.
 */
function takenFrom(config: Config): unknown {
  const { lcce, log, plane } = config;
  return {
    identity: identityOf(config),
    controlSocket: lcce.controlSocket,
    log: { level: log.level, format: log.format },
    plane,
    tunnels: config.tunnels.map(takenFromTunnel),
  };
}

function takenFromTunnel(tunnel: TunnelConfig): unknown {
  const path = pathOf(tunnel, tunnel.localPort);
  const { control } = tunnel;
  return {
    endpoint: endpointOf(tunnel),
    path,
    peer: control && peerSettings(tunnel, control, path, []),
    secrets: control?.authentication.secrets,
    pseudowires: tunnel.pseudowires.map((pseudowire) => ({
      settings: pseudowireSettings(pseudowire),
      device: deviceOf(pseudowire),
      bridge: pseudowire.circuit.bridge,
      allowHostUse: pseudowire.circuit.allowHostUse,
      attachment: attachmentOf(pseudowire),
      staticSession: staticSessionOf(pseudowire, path),
    })),
  };
}

test.each(leavesOfSchema().map((leaf) => ({ name: leaf.path.join("."), leaf })))(
  "$name: the daemon takes it from the configuration",
  ({ leaf }) => {
    expect(hasEffect(leaf, takenFrom)).toBe(true);
  },
);
