import type { TunnelConfig } from "../config/config.ts";
import type { SecretSource } from "../config/secret-source.ts";
import { readSecret } from "../os/secrets.ts";
import type { Log } from "./log.ts";

export type ReadSecret = (source: SecretSource, tunnel: string) => Uint8Array;

/** The secrets of tunnels by the names of these, each in the order of the file. */
export type SecretsInUse = ReadonlyMap<string, readonly Uint8Array[]>;

/**
 * Secrets of tunnels: those that were kept as they were in use, when a configuration comes back, and else
 * those that are read.
 */
export class KeptSecrets {
  readonly #read: ReadSecret;
  readonly #kept = new Map<string, Uint8Array>();

  constructor(read: ReadSecret) {
    this.#read = read;
  }

  /** From now on the secrets of these tunnels are those in use then, whatever their files have meanwhile. */
  keep(tunnels: readonly TunnelConfig[], inUse: SecretsInUse): void {
    this.#kept.clear();
    for (const { name, control } of tunnels) {
      for (const [index, source] of (control?.authentication.secrets ?? []).entries()) {
        const octets = inUse.get(name)?.[index];
        if (octets !== undefined) this.#kept.set(keyOf(source, name), octets);
      }
    }
  }

  /** The octets of a secret as it is where it comes from. Throws OperationalError. */
  readAnew(source: SecretSource, tunnel: string): Uint8Array {
    return this.#read(source, tunnel);
  }

  /** The octets of a secret. Throws OperationalError. */
  read(source: SecretSource, tunnel: string): Uint8Array {
    return this.#kept.get(keyOf(source, tunnel)) ?? this.#read(source, tunnel);
  }
}

function keyOf(source: SecretSource, tunnel: string): string {
  return JSON.stringify([tunnel, source]);
}

/** Reads secrets of tunnels, and logs what is to be noted of them. Throws OperationalError. */
export function secretReader(log: () => Log): ReadSecret {
  return (source, tunnel) => {
    const { octets, notes } = readSecret(source);
    for (const note of notes) log().warn({ event: "secret", tunnel }, `tunnel ${tunnel}: ${note}`);
    return octets;
  };
}
