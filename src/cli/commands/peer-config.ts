import { type Command, Option } from "commander";
import { OperationalError } from "../../bytes/errors.ts";
import { printableExcerpt } from "../../bytes/printable-text.ts";
import { type WrittenPeer, writtenPeers } from "../../other-ends/written-peers.ts";
import { CONFIGURATION_FILE } from "../default-file.ts";
import { exitCode, type Shell } from "../shell.ts";
import { validConfig } from "../valid-config.ts";

interface PeerConfigArguments {
  readonly for?: WrittenPeer;
  readonly config: string;
  readonly ourAddress?: string;
  readonly peerAddress?: string;
}

const help = `
Examples:
  wirespan peer-config hq                       for what \`peer\` of tunnel hq says
  wirespan peer-config hq --for wirespan        a file for Wirespan there
  wirespan peer-config hq --for linux           a script of ip l2tp
  wirespan peer-config hq --for cisco-ios --our-address 192.0.2.1

What the other end cannot take over is told on standard error, with the key to change. No secret is printed:
SECRET stands for it.`;

/** Adds `wirespan peer-config`. */
export function addPeerConfig(program: Command, shell: Shell): void {
  program
    .command("peer-config")
    .description("print what to write at the other end of a tunnel")
    .argument("<tunnel>", "the tunnel, by its name in the file")
    .addOption(
      new Option("--for <peer>", "what runs there (default: `peer` of the tunnel)").choices(writtenPeers),
    )
    .option("-c, --config <file>", "the YAML configuration", CONFIGURATION_FILE)
    .option("--our-address <address>", "our address, as the other end sees it (default: `local`)")
    .option("--peer-address <address>", "its own address (default: `remote`)")
    .addHelpText("after", help)
    .action((tunnel: string, options: PeerConfigArguments) => peerConfigOf(tunnel, options, shell));
}

/** Rejects with SystemError for a file that cannot be read, OperationalError for an unknown tunnel. */
async function peerConfigOf(name: string, options: PeerConfigArguments, shell: Shell): Promise<void> {
  const { peerConfig } = await import("../../other-ends/peer-config.ts");
  const loaded = await validConfig(options.config, shell);
  if (loaded === undefined) return;
  const { config, peers, linesOf } = loaded;
  // A tunnel may be prepared at both ends before it is enabled.
  const tunnels = [...config.tunnels, ...config.disabled.tunnels];
  const tunnel = tunnels.find((one) => one.name === name);
  if (tunnel === undefined) {
    const names = tunnels.map((one) => one.name).join(", ");
    throw new OperationalError(
      `${options.config} has no tunnel ${printableExcerpt(name)}: there are ${printableExcerpt(names)}`,
    );
  }
  const kind = options.for ?? peers.get(name) ?? "wirespan";
  const written = writtenPeers.find((one) => one === kind);
  if (written === undefined)
    throw new OperationalError(
      `how ${kind} is configured is not known here: say another one by --for (${writtenPeers.join(", ")})`,
    );
  const given = { ours: options.ourAddress, theirs: options.peerAddress };
  const { text, notes, obstacles } = peerConfig(config, tunnel, written, given);
  for (const line of linesOf([...obstacles, ...notes])) shell.error(`${line}\n`);
  if (text === undefined) shell.exit(exitCode.failed);
  else shell.out(text);
}
