import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestBrowser, type WatchedPage } from "../support/browser.ts";
import { wirespan } from "../support/lab.ts";
import { type PageStub, pageStub } from "../support/page-stub.ts";
import { Sites } from "../support/sites.ts";

/** The web page in Chromium: of daemons in namespaces, and of a made-up one with many pseudowires. */

/** Where pictures for the documents go; only with UPDATE_PICTURES=1. */
const pictures = fileURLToPath(new URL("../../docs/pictures/", import.meta.url));

/** Of a picture in the documents. */
const size = { width: 1200, height: 720 };

async function picture({ page }: WatchedPage, name: string): Promise<void> {
  const image = await page.screenshot();
  expect(image.length).toBeGreaterThan(10_000);
  if (process.env["UPDATE_PICTURES"] !== "1") return;
  mkdirSync(pictures, { recursive: true });
  writeFileSync(`${pictures}page-${name}.png`, image);
}

function expectQuiet({ complaints, requests }: WatchedPage, link: string): void {
  expect(complaints).toEqual([]);
  const { origin } = new URL(link);
  expect(requests.filter((url) => !url.startsWith(`${origin}/`) && !url.startsWith("data:"))).toEqual([]);
}

describe("of a daemon", () => {
  const TOKEN = "0123456789abcdef0123456789abcdef";
  let sites: Sites;
  let browser: TestBrowser;
  beforeAll(async () => {
    sites = await Sites.make();
    await sites.ip("a", "link set lo up");
    browser = await TestBrowser.start(sites.namespace("a"));
  });
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]();
    await sites?.[Symbol.asyncDispose]();
  });

  test("wirespan page prints the link; the page follows frames, and a tunnel that goes down", async () => {
    writeFileSync(sites.file("token"), `${TOKEN}\n`, { mode: 0o600 });
    const http = { listen: "127.0.0.1:9701", token: { file: sites.file("token") } };
    sites.start("a", sites.write("a", sites.configuration("a", "userspace", {}, { http })));
    const b = sites.start("b", sites.write("b", sites.configuration("b", "userspace")));
    await sites.reached();
    const off = await wirespan("page", "--socket", sites.socket("b"));
    expect([off.status, off.stderr]).toEqual([1, expect.stringContaining("listen: 127.0.0.1:9701")]);
    const { stdout } = await wirespan("page", "--socket", sites.socket("a"));
    expect(stdout).toBe(`http://127.0.0.1:9701/?token=${TOKEN}\n`);
    const link = stdout.trim();
    const watched = await browser.page();
    const { page } = watched;
    const without = await page.goto("http://127.0.0.1:9701/");
    expect(without?.status()).toBe(401);
    watched.complaints.length = 0;
    await page.goto(link);
    expect(page.url()).toBe("http://127.0.0.1:9701/");
    const row = page.locator(".pseudowires tr", { hasText: "lan" });
    await row.getByText("up", { exact: true }).waitFor();
    const ping = sites.spawn("ha", "ping", "-q", "-i", "0.1", "-s", "1000", "10.0.0.2");
    const rate = page.locator(".pseudowires td.number").first();
    await expect.poll(() => rate.textContent(), { timeout: 30_000 }).toMatch(/[1-9].*bit\/s/);
    ping.kill();
    await row.getByRole("button", { name: "lan" }).click();
    const details = page.getByRole("complementary");
    await details.getByText("fits the path MTU").or(details.getByText("more than the path MTU")).waitFor();
    await page.keyboard.press("Escape");
    await details.waitFor({ state: "detached" });
    await b.end();
    await page
      .getByRole("region", { name: "Not up, and why" })
      .getByRole("button", { name: "peer" })
      .waitFor();
    await page
      .getByRole("log")
      .getByText(/tunnel peer.*down|StopCCN/)
      .first()
      .waitFor();
    expectQuiet(watched, link);
  });
});

describe("of many pseudowires", () => {
  let stub: PageStub;
  let browser: TestBrowser;
  beforeAll(async () => {
    browser = await TestBrowser.start();
  });
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]();
    await stub?.[Symbol.asyncDispose]();
  });

  test.each([1000, 3000])(
    "of %i those in view are drawn, and scrolling and the filter find the others",
    async (count) => {
      await using many = await pageStub(20, count);
      const watched = await browser.page();
      const { page } = watched;
      await page.goto(many.link);
      const rows = page.locator(".pseudowires tbody tr:not(.space)");
      await rows.first().waitFor();
      expect(await rows.count()).toBeLessThan(60);
      await page.locator(".scroll").evaluate((place) => place.scrollTo(0, place.scrollHeight));
      const last = rows.filter({ hasText: `lan-${count - 1}` });
      await last
        .getByText(/bit\/s/)
        .first()
        .waitFor();
      expect(await rows.count()).toBeLessThan(60);
      await page.keyboard.press("/");
      await page.keyboard.type(`lan-${count / 2}`);
      await expect.poll(() => rows.count()).toBe(1);
      await page.keyboard.press("Escape");
      await expect.poll(() => rows.count()).toBeGreaterThan(10);
      expectQuiet(watched, many.link);
    },
  );

  test("pictures: dark, light, and of the width of a phone, where nothing is cut off", async () => {
    stub = await pageStub(5, 14);
    const phone = { width: 360, height: 800 };
    for (const [name, options] of [
      ["dark", { colorScheme: "dark", viewport: size }],
      ["light", { colorScheme: "light", viewport: size }],
      ["phone", { colorScheme: "dark", viewport: phone }],
    ] as const) {
      const watched = await browser.page(options);
      const { page } = watched;
      await page.goto(stub.link);
      await page.locator(".spark polyline").first().waitFor({ state: "attached" });
      const wanted = process.env["UPDATE_PICTURES"] === "1" ? 40 : 2;
      const line = page.locator(".spark polyline").first();
      const readings = async () => (await line.getAttribute("points"))?.split(" ").length;
      await expect.poll(readings, { timeout: 120_000 }).toBeGreaterThanOrEqual(wanted);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(
        options.viewport.width,
      );
      await picture(watched, name);
      if (name === "dark") {
        await page.getByRole("button", { name: "basel-office" }).first().click();
        await page.getByText("MTU explained").waitFor();
        await picture(watched, "details");
      }
      expect(await page.locator("img").count()).toBe(0);
      expectQuiet(watched, stub.link);
      await page.context().close();
    }
  });

  test("a page of another site reads nothing, and the page says when the daemon is gone", async () => {
    const own = await pageStub(2, 4);
    const other = createServer((_, response) =>
      response.setHeader("Content-Type", "text/html").end("<p>elsewhere"),
    );
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    const foreign = await browser.page();
    await foreign.page.goto(`http://localhost:${port}/`);
    const read = (path: string) =>
      foreign.page.evaluate(
        (url) =>
          fetch(url).then(
            () => "read",
            () => "refused",
          ),
        `${own.link}${path}`,
      );
    expect(await read("v1/status")).toBe("refused");
    const framed = await foreign.page.evaluate(`new Promise((resolve) => {
      const frame = document.createElement("iframe");
      frame.src = "${own.link}";
      frame.onload = () => resolve(frame.contentDocument === null ? "closed to us" : "empty");
      document.body.append(frame);
    })`);
    expect(framed).toBe("closed to us");
    other.close();
    const { page } = await browser.page();
    await page.goto(own.link);
    await page.getByText("live", { exact: true }).waitFor();
    await own[Symbol.asyncDispose]();
    await page.getByText(/no connection to the daemon since \d/).waitFor();
  });
});
