import { type Command, Option } from "commander";
import { toHex } from "../../bytes/hex.ts";
import type { Shell } from "../shell.ts";

interface KeygenArguments {
  readonly out?: string;
  readonly force?: boolean;
  readonly format: "base64" | "hex";
}

/** As long as the keys that HMAC-MD5 and HMAC-SHA-1 gain from, and more. */
const SECRET_OCTETS = 32;

const help = `
Examples:
  wirespan keygen --out /etc/wirespan.secret     write a new secret, for its owner alone
  wirespan keygen --format hex                   print one, for a router whose commands take no + / =

Both ends of a tunnel have the same secret: copy the file by a way that nobody else sees, such as scp.`;

/** Adds `wirespan keygen`. */
export function addKeygen(program: Command, shell: Shell): void {
  program
    .command("keygen")
    .description("make a shared secret for a tunnel, of 32 random octets")
    .option("--out <file>", "write it to this file, with mode 600; default: print it")
    .option("--force", "replace the file if it is there")
    .addOption(
      new Option("--format <form>", "how the octets are written")
        .choices(["base64", "hex"])
        .default("base64"),
    )
    .addHelpText("after", help)
    .action((options: KeygenArguments) => keygen(options, shell));
}

/** Rejects with SystemError for a file that is there already or cannot be written. */
async function keygen({ out, force = false, format }: KeygenArguments, shell: Shell): Promise<void> {
  const [{ stringify }, { errnoOf, SystemError }, { absolutePath, writeOwnerFile }, { cryptoRandom }] =
    await Promise.all([
      import("yaml"),
      import("../../os/errors.ts"),
      import("../../os/files.ts"),
      import("../../os/random.ts"),
    ]);
  const octets = cryptoRandom.octets(SECRET_OCTETS);
  const text = format === "hex" ? toHex(octets) : Buffer.from(octets).toString("base64");
  if (out === undefined) return shell.out(`${text}\n`);
  const path = absolutePath(out);
  try {
    writeOwnerFile(path, `${text}\n`, force);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== "EEXIST") throw error;
    const hint =
      "it is kept as it is: tunnels may be using it; name another file, or replace it with --force";
    throw new SystemError("write a secret", { errno, target: path, cause: error, hint });
  }
  const source = stringify({ file: path }, { collectionStyle: "flow", lineWidth: 0 }).trim();
  shell.out(`secret: ${source}\n`);
  shell.error(
    `wrote ${path}, for its owner alone. Give the tunnel the line above at both ends, and copy the file ` +
      "to the other end by a way that nobody else sees.\n",
  );
}
