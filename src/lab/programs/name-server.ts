import { mkdirSync, writeFileSync } from "node:fs";
import { isNameServer } from "../format/name-servers.ts";
import type { LabNode } from "../format/topology.ts";
import { RUN } from "../nodes.ts";
import type { ProgramSettings } from "./node-program.ts";

/** Seconds for which an answer may be kept. */
export const RECORD_TTL_S = 5;

/** The folder with the records of a name server: what is written into it counts at once. */
function recordsFolder(node: string): string {
  return `${RUN}/${node}.dns`;
}

/** Lines of a hosts file. */
export function recordLines({ dns }: LabNode): readonly string[] {
  return Object.entries(dns).flatMap(([name, addresses]) => addresses.map((address) => `${address} ${name}`));
}

/** The name server of a node, dnsmasq, if it is one. */
export function nameServer(node: LabNode): readonly ProgramSettings[] {
  if (!isNameServer(node)) return [];
  const { name } = node;
  const folder = recordsFolder(name);
  const options = [
    // In the foreground, and as this user: another one cannot be had in a user namespace.
    ...["--no-daemon", "--conf-file=/dev/null", "--no-hosts", "--no-resolv", "--log-queries"],
    // Nobody else is asked, so that a family that a name lacks is an answer and no refusal.
    ...["--port=53", "--local=/#/", `--local-ttl=${RECORD_TTL_S}`, `--hostsdir=${folder}`],
  ];
  return [
    {
      node: name,
      name: "dns",
      command: ["dnsmasq", ...options],
      log: `${RUN}/${name}-dns.log`,
      prepare: () => {
        mkdirSync(folder, { recursive: true });
        writeFileSync(`${folder}/records`, `${recordLines(node).join("\n")}\n`);
      },
    },
  ];
}
