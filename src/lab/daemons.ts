import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { ignoreOperational } from "../bytes/errors.ts";
import { askStatus } from "../daemon/api-client.ts";
import type { StatusReport } from "../daemon/status.ts";
import { inNode, lcceOf, RUN, socketOf } from "./nodes.ts";
import type { Topology } from "./topology.ts";

const MAIN = fileURLToPath(new URL("../cli/main.js", import.meta.url));

export function configOf(site: string): string {
  return `${RUN}/wirespan-${site}.yaml`;
}

export function logOf(site: string): string {
  return `${RUN}/wirespan-${site}.log`;
}

/** One daemon a site, each with its configuration, control socket and log under /run. */
export class Daemons {
  readonly #running: readonly ChildProcess[];

  private constructor(running: readonly ChildProcess[]) {
    this.#running = running;
  }

  /** `plane` overrides the topology's. */
  static start(topology: Topology, plane?: string): Daemons {
    if (topology.secret !== undefined) {
      writeFileSync(`${RUN}/wirespan.secret`, `${topology.secret}\n`, { mode: 0o600 });
    }
    return new Daemons(Object.keys(topology.sites).map((site) => start(site, topology, plane)));
  }

  /** Whether one of them has ended. */
  get someEnded(): boolean {
    return this.#running.some(hasEnded);
  }

  /** Ends them by SIGTERM: they close their control connections first. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#running.map(stop));
  }
}

function start(site: string, topology: Topology, plane: string | undefined): ChildProcess {
  const config = topology.sites[site]?.wirespan ?? {};
  const lcce = { ...(config["lcce"] as object), control_socket: socketOf(site) };
  const own = { lcce, log: { format: "json", level: "debug" }, ...(plane === undefined ? {} : { plane }) };
  writeFileSync(configOf(site), stringify({ ...config, ...own }));
  const log = openSync(logOf(site), "a");
  const [file = "", ...words] = inNode(lcceOf(site), process.execPath, MAIN, "run", "-c", configOf(site));
  const child = spawn(file, words, { stdio: ["ignore", log, log] });
  closeSync(log);
  return child;
}

function hasEnded(daemon: ChildProcess): boolean {
  return daemon.exitCode !== null || daemon.signalCode !== null;
}

function stop(daemon: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (hasEnded(daemon)) return resolve();
    daemon.on("exit", () => resolve());
    daemon.kill("SIGTERM");
  });
}

/** Status of a site's daemon; undefined while it does not answer. */
export async function statusOf(site: string): Promise<StatusReport | undefined> {
  try {
    return await askStatus(socketOf(site));
  } catch (error) {
    ignoreOperational(error);
    return undefined;
  }
}

/** Whether every pseudowire of a site is established and its circuits are up at both ends. */
export async function isSiteUp(site: string): Promise<boolean> {
  const report = await statusOf(site);
  return (
    report?.pseudowires.every(({ state, whyNot }) => state === "established" && whyNot === undefined) ?? false
  );
}
