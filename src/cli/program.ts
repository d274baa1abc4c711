import { Command } from "commander";
import { version } from "../daemon/version.ts";
import { addAdminister, addClear } from "./commands/administer.ts";
import { addCapture } from "./commands/capture.ts";
import { addCheck } from "./commands/check.ts";
import { addDecode } from "./commands/decode.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addEvents } from "./commands/events.ts";
import { addHandOver } from "./commands/hand-over.ts";
import { addImport } from "./commands/import.ts";
import { addKeygen } from "./commands/keygen.ts";
import { addLab } from "./commands/lab.ts";
import { addMtu } from "./commands/mtu.ts";
import { addPage } from "./commands/page.ts";
import { addPeerConfig } from "./commands/peer-config.ts";
import { addReload } from "./commands/reload.ts";
import { addRun } from "./commands/run.ts";
import { addStatus } from "./commands/status.ts";
import { addWatch } from "./commands/watch.ts";
import { CONFIGURATION_FILE } from "./default-file.ts";
import type { Shell } from "./shell.ts";

const help = `
Examples:
  wirespan check                          report every problem of the configuration, with its line
  sudo wirespan doctor                    look for what is wrong here, with the commands that mend it
  wirespan run                            run in the foreground until SIGTERM
  wirespan status                         show what is up, and why something is not
  wirespan watch                          show what passes, as it does
  wirespan mtu                            show what fits the path MTU, and what to change
  wirespan reload                         apply a changed configuration; the rest keeps running
  wirespan reload --confirm 60            the same, undone in 60 s unless confirmed; --dry-run only looks
  wirespan tunnel bounce hq               close tunnel hq, and open it again
  wirespan events -f                      show what happens, as it happens
  wirespan capture lan | wireshark -k -i -   show the frames of pseudowire lan as they pass
  wirespan decode trace.pcap              print every L2TPv3 packet of a capture
  wirespan peer-config TUNNEL             print what to write at the other end of a tunnel
  wirespan import tunnels.sh              print our configuration for what ip l2tp, IOS or VyOS has
  wirespan keygen --out wirespan.secret   make a shared secret, for both ends of a tunnel
  wirespan lab test point-to-point        bridge two sites in network namespaces of this machine

The configuration is ${CONFIGURATION_FILE} unless another file is given.

Exit codes: 0 success, 1 failed (reload: applied, but something is waiting or unchanged), 2 wrong usage,
3 invalid configuration, 4 no daemon answers.`;

/** TABLE: the commands, in the order of the help. */
const commands = [
  addRun,
  addCheck,
  addDoctor,
  addStatus,
  addWatch,
  addMtu,
  addReload,
  addAdminister,
  addClear,
  addHandOver,
  addEvents,
  addPage,
  addCapture,
  addDecode,
  addPeerConfig,
  addImport,
  addKeygen,
  addLab,
];

/** The command line. Each command imports what it needs when it runs, so that no other waits for it. */
export function createProgram(shell: Shell): Command {
  const program = new Command("wirespan")
    .description("L2TPv3 (RFC 3931, RFC 4719) pseudowires: Ethernet and VLANs across an IP network")
    .version(version)
    .addHelpText("after", help)
    .configureOutput({ writeOut: (text) => shell.out(text), writeErr: (text) => shell.error(text) })
    .enablePositionalOptions()
    .exitOverride();
  for (const add of commands) add(program, shell);
  return program;
}
