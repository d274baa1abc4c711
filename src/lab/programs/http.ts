import { fileURLToPath } from "node:url";
import type { LabNode } from "../format/topology.ts";
import { RUN } from "../nodes.ts";
import type { ProgramSettings } from "./node-program.ts";

const SERVER = fileURLToPath(new URL("http-server.js", import.meta.url));

/** The small web server of a host, if it has one. */
export function httpServer(node: LabNode): readonly ProgramSettings[] {
  if (node.kind !== "host" || node.httpPort === undefined) return [];
  const upFile = `${RUN}/${node.name}-http.up`;
  return [
    {
      node: node.name,
      name: "http",
      command: [process.execPath, SERVER, `${node.httpPort}`, node.name, upFile],
      log: `${RUN}/${node.name}-http.log`,
      upFile,
    },
  ];
}
