import { chmodSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { messageOf, OperationalError } from "../../bytes/errors.ts";
import { CommandError } from "../command.ts";
import { TopologyError } from "../format/topology-error.ts";
import { INVALID_TOPOLOGY, type LabCall, type LabHandlers, labRoutes } from "./api.ts";

/**
 * Serves the calls at a path, for the owner of the lab alone. A call that a program or the kernel refused is
 * answered with the reason; what is a bug of ours also goes to `broken`.
 */
export function serveLab(path: string, handlers: LabHandlers, broken: (error: Error) => void): Promise<void> {
  const server = createServer((request, response) => void serve(request, response, handlers, broken));
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      // Nobody else can reach /run of the lab; as it is root's in it, this is for those that it contains.
      chmodSync(path, 0o600);
      resolve();
    });
  });
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  handlers: LabHandlers,
  broken: (error: Error) => void,
): Promise<void> {
  const { status, body } = await answer(request, handlers).catch((error: unknown) => {
    const refused = error instanceof OperationalError || error instanceof CommandError;
    if (!refused) broken(error instanceof Error ? error : new Error(String(error)));
    if (error instanceof TopologyError) return { status: INVALID_TOPOLOGY, body: { error: error.message } };
    return { status: refused ? 422 : 500, body: { error: messageOf(error) } };
  });
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(`${JSON.stringify(body)}\n`);
}

async function answer(
  request: IncomingMessage,
  handlers: LabHandlers,
): Promise<{ readonly status: number; readonly body: object }> {
  const call = callOf(request);
  if (call === undefined) {
    const routes = Object.values(labRoutes).map(({ method, path }) => `${method} ${path}`);
    return { status: 404, body: { error: `no route ${request.method} ${request.url}`, routes } };
  }
  let text = "";
  for await (const piece of request.setEncoding("utf8")) text += piece;
  const handler = handlers[call] as (asked: unknown) => Promise<object>;
  return { status: 200, body: await handler(text === "" ? {} : JSON.parse(text)) };
}

function callOf({ method, url }: IncomingMessage): LabCall | undefined {
  const calls = Object.keys(labRoutes) as LabCall[];
  return calls.find((call) => labRoutes[call].method === method && labRoutes[call].path === url);
}
