import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { eventually, MAIN } from "../support/lab.ts";
import { Sites } from "../support/sites.ts";

/** A terminal of tmux of its own, in which one shell runs. */
class Tmux implements Disposable {
  readonly #socket: string;

  constructor(folder: string, columns: number, lines: number) {
    this.#socket = `${folder}/tmux`;
    const size = ["-x", String(columns), "-y", String(lines)];
    this.#run("-f", "/dev/null", "new-session", "-d", ...size, "env NO_COLOR=1 PS1=ready: sh");
  }

  #run(...words: readonly string[]): string {
    return execFileSync("tmux", ["-S", this.#socket, ...words], { encoding: "utf8" });
  }

  keys(...keys: readonly string[]): void {
    this.#run("send-keys", ...keys);
  }

  resize(columns: number, lines: number): void {
    this.#run("resize-window", "-x", String(columns), "-y", String(lines));
  }

  /** What is on the screen. */
  get screen(): string {
    return this.#run("capture-pane", "-p");
  }

  /** Whether a program has the alternate screen, and whether the cursor is seen. */
  get isAlternate(): boolean {
    return this.#run("display-message", "-p", "#{alternate_on}").trim() === "1";
  }

  get hasCursor(): boolean {
    return this.#run("display-message", "-p", "#{cursor_flag}").trim() === "1";
  }

  async shows(text: RegExp): Promise<void> {
    await eventually(`the screen shows ${text}`, async () => text.test(this.screen));
  }

  /** Waits until the shell has its terminal back. */
  async isBack(): Promise<void> {
    await eventually("the terminal is as before", async () => !this.isAlternate && this.hasCursor);
  }

  [Symbol.dispose](): void {
    this.#run("kill-server");
  }
}

test("watch shows what passes on the terminal, outlives the daemon, and puts the terminal back", async () => {
  await using sites = await Sites.make();
  const { a } = await sites.up("userspace");
  using terminal = new Tmux(sites.folder, 80, 24);
  const command = `${process.execPath} ${MAIN} watch --interval 0.2 --socket ${sites.socket("a")}`;
  terminal.keys(command, "Enter");
  await terminal.shows(/1 of 1 tunnels up, 1 of 1 pseudowires/);
  expect([terminal.isAlternate, terminal.hasCursor]).toEqual([true, false]);
  const ping = sites.spawn("ha", "ping", "-q", "-i", "0.05", "10.0.0.2");
  try {
    await terminal.shows(/^\+ lan +peer +up .*[1-9].* [▂-█]/m);
    terminal.keys("Down", "Enter");
    await terminal.shows(/^> lan .*\n(.*\n)*pseudowire lan of tunnel peer: up for/m);
    terminal.resize(120, 30);
    await terminal.shows(/^> lan +peer +eth1 /m);
    // An escape that others follow at once begins a key of its own, so its effect is waited for.
    terminal.keys("Escape");
    await terminal.shows(/enter details/);
    terminal.keys("/", "x", "y", "Enter");
    await terminal.shows(/filter "xy": 0/);
    terminal.keys("Escape");
    await terminal.shows(/^> lan /m);

    await a.end("SIGTERM");
    await terminal.shows(/^no answer, tried again: ask the daemon/m);
    sites.start("a", sites.file("a.yaml"));
    await terminal.shows(/1 of 1 tunnels up, 1 of 1 pseudowires/);

    terminal.keys("q");
    await terminal.isBack();
    await terminal.shows(/ready:\s*$/);
  } finally {
    ping.kill();
  }
  // Signals put it back too: the shell says how the command ended.
  for (const [signal, status] of [
    ["TERM", 143],
    ["HUP", 129],
    ["INT", 130],
  ] as const) {
    const pidFile = sites.file(`${signal}.pid`);
    terminal.keys(`clear; sh -c 'echo $$ >${pidFile}; exec ${command}'; echo ended $?`, "Enter");
    await eventually("it is there", async () => terminal.isAlternate);
    process.kill(Number(readFileSync(pidFile, "utf8")), `SIG${signal}`);
    await terminal.isBack();
    await terminal.shows(new RegExp(`ended ${status}`));
  }
});

test("without a terminal it prints lines, once if that is wanted", async () => {
  await using sites = await Sites.make();
  await sites.up("userspace");
  const words = [process.execPath, MAIN, "watch", "--once", "--interval", "0.2", "--socket"];
  const { status, stdout } = await sites.exec("a", ...words, sites.socket("a"));
  expect(status).toBe(0);
  const [head, titles, row] = stdout.split("\n");
  expect(head).toMatch(/^a \(userspace\): 1 of 1 tunnels up, 1 of 1 pseudowires; in .* bit\/s$/);
  expect(titles).toMatch(/^ {2}pseudowire tunnel state +in bit\/s +out bit\/s +discards +both ways$/);
  expect(row).toMatch(/^\+ lan +peer +up \d+ s +/);
  const unknown = await sites.exec("a", ...words, sites.socket("a"), "lna");
  expect(unknown).toMatchObject({ status: 1, stderr: expect.stringContaining("the nearest is lan") });
});
