import { rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { RunningDaemon, Sites } from "./sites.ts";

const SERVER = fileURLToPath(new URL("name-server.mjs", import.meta.url));
const NO_HOSTS = "127.0.0.1 localhost\n";

/** What a name server of a test says of names; undefined has it silent. Records of types may be `refused`. */
export type Records = Readonly<
  Record<
    string,
    { readonly ttl: number; readonly addresses: readonly string[]; readonly refused?: readonly number[] }
  >
>;

/** A name server in the namespace of a site, and daemons there whose /etc/resolv.conf leads to it. */
export class NamedSite implements AsyncDisposable {
  readonly #sites: Sites;
  readonly #name: string;
  readonly #server: ReturnType<Sites["spawn"]>;

  private constructor(sites: Sites, name: string, server: ReturnType<Sites["spawn"]>) {
    this.#sites = sites;
    this.#name = name;
    this.#server = server;
  }

  static async make(sites: Sites, name: string, records: Records | undefined): Promise<NamedSite> {
    await sites.ip(name, "link set lo up");
    writeFileSync(sites.file("resolv.conf"), "nameserver 127.0.0.1\n");
    writeFileSync(sites.file("hosts"), NO_HOSTS);
    const server = sites.spawn(
      name,
      process.execPath,
      SERVER,
      sites.file("records"),
      sites.file("questions"),
    );
    await new Promise((ready) => server.stdout?.once("data", ready));
    const site = new NamedSite(sites, name, server);
    site.say(records);
    writeFileSync(sites.file("questions"), "");
    return site;
  }

  say(records: Records | undefined): void {
    if (records === undefined) rmSync(this.#sites.file("records"), { force: true });
    else writeFileSync(this.#sites.file("records"), JSON.stringify(records));
  }

  /** What hosts(5) has of this site. */
  hosts(text: string): void {
    writeFileSync(this.#sites.file("hosts"), `${NO_HOSTS}${text}`);
  }

  /** The questions so far, such as "hub.example 1" for an A record. */
  get questions(): readonly string[] {
    return this.#sites.read("questions").split("\n").slice(0, -1);
  }

  start(file: string): RunningDaemon {
    const mounts = ["resolv.conf", "hosts"].map(
      (name) => `mount --bind ${this.#sites.file(name)} /etc/${name}`,
    );
    const script = `${mounts.join(" && ")} && exec "$@"`;
    return this.#sites.start(this.#name, file, ["unshare", "--mount", "sh", "-c", script, "sh"]);
  }

  /** Ends the server: its port refuses questions from then on. Again it is no error. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.exitCode !== null || this.#server.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#server.once("close", resolve));
    this.#server.kill();
    await ended;
  }
}
