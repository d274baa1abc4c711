import { request } from "node:http";
import { OperationalError } from "../../bytes/errors.ts";
import { TopologyError } from "../format/topology-error.ts";
import { LAB_SOCKET } from "../nodes.ts";
import { INVALID_TOPOLOGY, type LabCall, type LabCalls, labRoutes } from "./api.ts";

/** A lab tells what it knows within this; it asks its daemons. */
const ANSWER_MS = 5000;

/** A lab answered a call with a refusal, or not at all. */
export class LabCallError extends OperationalError {
  override readonly name = "LabCallError";
}

/** Whom to ask: the first process of a lab. */
export interface AskedLab {
  readonly name: string;
  readonly pid: number;
}

/** Asks a lab that is up. Rejects with LabCallError, and with TopologyError for nodes with mistakes. */
export function askLab<Call extends LabCall>(
  { name, pid }: AskedLab,
  call: Call,
  asked: LabCalls[Call]["asks"],
): Promise<LabCalls[Call]["answers"]> {
  const { method, path } = labRoutes[call];
  return new Promise((resolve, reject) => {
    const socketPath = `/proc/${pid}/root${LAB_SOCKET}`;
    const fail = (why: string) => reject(new LabCallError(why));
    const sent = request({ socketPath, method, path, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => {
        text += piece;
      });
      response.on("end", () => {
        const body = JSON.parse(text) as { readonly error?: string };
        if (response.statusCode === 200) resolve(body as LabCalls[Call]["answers"]);
        else if (response.statusCode === INVALID_TOPOLOGY) reject(new TopologyError(body.error ?? text));
        else fail(body.error ?? text);
      });
      response.on("error", (error) => fail(`ask lab ${name}: ${error.message}`));
    });
    sent.on("error", ({ code, message }: NodeJS.ErrnoException) => {
      const mute = `its first process does not answer: ${message}`;
      fail(`ask lab ${name}: ${code === "ENOENT" ? "it is still being built" : mute}`);
    });
    // The others wait for what they ask for.
    if (call === "status")
      sent.setTimeout(ANSWER_MS, () => sent.destroy(new Error(`nothing came within ${ANSWER_MS / 1000} s`)));
    sent.end(method === "POST" ? JSON.stringify(asked) : undefined);
  });
}
