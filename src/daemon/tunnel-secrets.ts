import type { SecretSource } from "../config/secret-source.ts";
import { readSecret } from "../os/secrets.ts";
import type { Log } from "./log.ts";

/** Reads secrets of tunnels, and logs what is to be noted of them. Throws OperationalError. */
export function secretReader(log: () => Log): (source: SecretSource, tunnel: string) => Uint8Array {
  return (source, tunnel) => {
    const { octets, notes } = readSecret(source);
    for (const note of notes) log().warn({ event: "secret", tunnel }, `tunnel ${tunnel}: ${note}`);
    return octets;
  };
}
