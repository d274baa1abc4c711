import type { Command } from "commander";
import type { Shell } from "../../shell.ts";
import { labArguments } from "./options.ts";

const examples = `
Examples:
  wirespan lab capture point-to-point wan                            show packets of the network wan
  wirespan lab capture point-to-point wan -w wan.pcap                write a file
  wirespan lab capture point-to-point lcce-a.trunk | wireshark -k -i -
  wirespan lab capture point-to-point wan udp port 1701              only what the filter of tcpdump lets in`;

/** Adds `wirespan lab capture`. */
export function addLabCapture(lab: Command, shell: Shell): void {
  lab
    .command("capture")
    .description("capture at a point of a lab that is up, until interrupted: lines on a terminal, else pcap")
    .argument(...labArguments.lab)
    .argument("<point>", "a network or LAN, NODE, or NODE.PORT")
    .argument("[filter...]", "filter of tcpdump")
    .option("-w, --write <file>", "write a pcap file")
    .addHelpText("after", examples)
    .action(async (name: string, point: string, filter: string[], { write }: { write?: string }) => {
      const { captureLive } = await import("../../../lab/capture-live.ts");
      shell.exit(await captureLive(name, point, filter, write ?? (process.stdout.isTTY ? undefined : "-")));
    });
}
