import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** Chromium without a window, and what its pages ask for and complain about. */

const CHROMIUM = "/usr/bin/chromium";

/** A page, and all that should not happen on it. */
export interface WatchedPage {
  readonly page: Page;
  /** Of the console at warning and above, and errors that nobody caught. */
  readonly complaints: string[];
  readonly requests: string[];
}

export class TestBrowser {
  readonly #browser: Browser;
  readonly #folder: string;

  private constructor(browser: Browser, folder: string) {
    this.#browser = browser;
    this.#folder = folder;
  }

  /** Starts it, in a network namespace where one is named. */
  static async start(namespace?: string): Promise<TestBrowser> {
    const folder = mkdtempSync(join(tmpdir(), "wirespan-browser-"));
    const program = join(folder, "chromium");
    const enter = namespace === undefined ? "" : `nsenter --net=/run/netns/${namespace} `;
    writeFileSync(program, `#!/bin/sh\nexec ${enter}${CHROMIUM} "$@"\n`);
    chmodSync(program, 0o755);
    try {
      const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"];
      return new TestBrowser(
        await chromium.launch({ executablePath: program, args, timeout: 120_000 }),
        folder,
      );
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async page(options: BrowserContextOptions = {}): Promise<WatchedPage> {
    const context = await this.#browser.newContext({ viewport: { width: 1440, height: 1000 }, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    const watched: WatchedPage = { page, complaints: [], requests: [] };
    page.on("console", (message) => {
      if (["warning", "error"].includes(message.type())) watched.complaints.push(message.text());
    });
    page.on("pageerror", (error) => void watched.complaints.push(String(error)));
    page.on("request", (request) => void watched.requests.push(request.url()));
    return watched;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
