import { bridgeRows, memberRows, portRows } from "./bridge-rows.ts";
import type { BridgeConfig, CircuitConfig, Config, PseudowireConfig, TunnelConfig } from "./config.ts";
import { httpRows } from "./http-rows.ts";
import { lcceRows, logRows, metricsRows } from "./node-rows.ts";
import { circuitRows, pseudowireRows, staticRows } from "./pseudowire-rows.ts";
import { keysInFile, keysThatReload } from "./rows.ts";
import { secretText } from "./secret-source.ts";
import { tunnelRows } from "./tunnel-rows.ts";

/**
 * A configuration as keys and values of the file, so that the operator reads changes in the words of the
 * file.
 */

/** Keys and values as in the file; undefined for a key that would not be there. */
export type FileKeys = Readonly<Record<string, unknown>>;

/** What peers are told of this node. */
export function identityKeys({ lcce }: Config): FileKeys {
  return keysInFile(lcceRows, { ...lcce }, {}, (consumer) => consumer === "identity");
}

/** Keys of the log, but for those that wait for the next start. */
export function logKeys({ log }: Config): FileKeys {
  const waiting = new Set(keysThatReload(logRows, "next start"));
  const all = Object.entries(keysInFile(logRows, { ...log }, {}));
  return Object.fromEntries(all.filter(([key]) => !waiting.has(key)));
}

export function metricsKeys({ metrics }: Config): FileKeys {
  return keysInFile(metricsRows, { ...metrics }, {});
}

export function httpKeys({ http }: Config): FileKeys {
  return keysInFile(httpRows, { ...http }, {});
}

/** Consumers of a tunnel's keys that stand outside its control connection. */
const outsideControl: ReadonlySet<string> = new Set(["path", "path MTU", "endpoint"]);

/** A tunnel without its pseudowires. */
export function tunnelKeys(tunnel: TunnelConfig): FileKeys {
  const { control } = tunnel;
  const { authentication, delivery } = control ?? {};
  const [secret, nextSecret] = (authentication?.secrets ?? []).map(secretText);
  return keysInFile(
    tunnelRows,
    { ...tunnel, ...control, ...authentication, ...delivery },
    { control: control === undefined ? "static" : "negotiated", secret, next_secret: nextSecret },
    (consumer) => control !== undefined || outsideControl.has(consumer),
  );
}

export function pseudowireKeys(pseudowire: PseudowireConfig): FileKeys {
  const { circuit, staticSession, sequenceRule } = pseudowire;
  return {
    circuit: circuitKeys(circuit),
    ...keysInFile(pseudowireRows, { ...pseudowire, ...sequenceRule }, {}),
    static: staticSession && keysInFile(staticRows, { ...staticSession }, {}),
  };
}

/** A bridge with its interfaces. */
export function bridgeKeys({ interfaces, ...bridge }: BridgeConfig): FileKeys {
  const members = interfaces.map(({ device, ...port }) => [
    device,
    { ...keysInFile(portRows, { ...port }, {}), ...keysInFile(memberRows, { ...port }, {}) },
  ]);
  return { ...keysInFile(bridgeRows, { ...bridge }, {}), interfaces: Object.fromEntries(members) };
}

function circuitKeys(circuit: CircuitConfig): FileKeys {
  const { kind, device, vlan, port } = circuit;
  const keys = keysInFile(
    circuitRows,
    { ...circuit },
    {
      interface: kind === "interface" ? device : undefined,
      tap: kind === "tap" ? device : undefined,
      vlan: vlan?.id,
      vlan_on_pseudowire: vlan?.idOnPseudowire === vlan?.id ? undefined : vlan?.idOnPseudowire,
      vlan_protocol: vlan?.protocol === 0x88a8 ? "802.1ad" : "802.1q",
    },
  );
  return { ...keys, port: keysInFile(portRows, { ...port }, {}) };
}
