import type { Config } from "../config/config.ts";
import { SystemError } from "../os/errors.ts";
import { statOf } from "../os/files.ts";
import { readSecret } from "../os/secrets.ts";
import type { SecretFacts } from "./facts.ts";
import { see } from "./limit.ts";

/** TABLE: keys of a tunnel's secrets, in the order of the configuration, and of their sources. */
const secretKeys = ["secret", "next_secret"] as const;
const placeKeys = { file: "file", credential: "credential", environment: "env" } as const;

/** The secrets of a file: how long they are and whose, never what they are. */
export function gatherSecrets({ tunnels }: Config): readonly SecretFacts[] {
  return tunnels.flatMap(({ name, control }) =>
    (control?.authentication.secrets ?? []).map((source, index): SecretFacts => {
      const path = ["tunnels", name, secretKeys[index] ?? "secret", placeKeys[source.kind]];
      const file = source.kind === "file" ? source.path : undefined;
      const stat = file === undefined ? undefined : see(() => statOf(file)).value;
      const shown = { tunnel: name, path, file, mode: stat?.mode, uid: stat?.uid };
      try {
        return { ...shown, errno: undefined, octets: readSecret(source).octets.length };
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        return { ...shown, errno: error.errno, octets: undefined };
      }
    }),
  );
}
