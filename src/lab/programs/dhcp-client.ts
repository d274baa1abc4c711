import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { fromHex } from "../../bytes/hex.ts";
import { FrameSocket, waitReadable } from "../frame-socket.ts";
import {
  type DhcpAnswer,
  type DhcpQuestion,
  dhcpFrame,
  messageTypes,
  readDhcpAnswer,
} from "./dhcp-messages.ts";

/**
 * A DHCP client (RFC 2131) for an interface: node dhcp-client.js INTERFACE LEASE-FILE. It gives the interface
 * its address, adds the default route, and writes the address to LEASE-FILE; then it renews the lease, for as
 * long as it runs.
 */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
const TRIES = 4;

const [port = "", leaseFile = ""] = process.argv.slice(2);

/** Runs ip(8); what it refuses ends the client, with what it said in the log. */
function ip(...words: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync("ip", words, { encoding: "utf8" });
  if (status === 0) return stdout;
  throw new Error(`ip ${words.join(" ")}: ${error?.message ?? stderr.trim()}`);
}

function hardwareAddress(): Uint8Array {
  const [link] = JSON.parse(ip("-json", "link", "show", "dev", port)) as { address: string }[];
  return fromHex((link?.address ?? "").replaceAll(":", ""));
}

function log(text: string): void {
  process.stdout.write(`${new Date().toISOString()} ${port}: ${text}\n`);
}

const hardware = hardwareAddress();
const socket = new FrameSocket(port, { bypassesQueue: false });

/** Asks until an answer of one of these types comes; undefined after some tries. */
function ask(
  question: Omit<DhcpQuestion, "hardware" | "transaction">,
  types: readonly number[],
): DhcpAnswer | undefined {
  const transaction = randomInt(2 ** 32);
  const frame = dhcpFrame({ ...question, hardware, transaction });
  for (let tries = 0; tries < TRIES; tries += 1) {
    socket.send(frame);
    const endMs = performance.now() + Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** tries);
    for (let leftMs = endMs - performance.now(); leftMs > 0; leftMs = endMs - performance.now()) {
      waitReadable([socket.fd], Math.ceil(leftMs));
      for (let answer = socket.receive(); answer !== undefined; answer = socket.receive()) {
        const read = readDhcpAnswer(answer, transaction);
        if (read !== undefined && types.includes(read.type)) return read;
      }
    }
  }
  return undefined;
}

function lease(): DhcpAnswer | undefined {
  const offer = ask({ type: messageTypes.discover }, [messageTypes.offer]);
  if (offer === undefined) return undefined;
  const request = { type: messageTypes.request, requested: offer.address, server: offer.server };
  const answer = ask(request, [messageTypes.ack, messageTypes.nak]);
  return answer?.type === messageTypes.ack ? answer : undefined;
}

function use({ address, prefixLength, router, leaseS, server }: DhcpAnswer): void {
  ip("addr", "replace", `${address}/${prefixLength}`, "dev", port);
  if (router !== undefined) ip("route", "replace", "default", "via", router, "dev", port);
  // Whole, or not there at all.
  writeFileSync(`${leaseFile}.new`, `${address}/${prefixLength}\n`);
  renameSync(`${leaseFile}.new`, leaseFile);
  log(`${address}/${prefixLength} of ${server} for ${leaseS} s, router ${router ?? "none"}`);
}

/** Keeps an address as long as the server lets it. */
function keep(first: DhcpAnswer): void {
  let current = first;
  for (;;) {
    const endMs = performance.now() + current.leaseS * 1000;
    waitReadable([], current.leaseS * 500);
    let renewed: DhcpAnswer | undefined;
    while (renewed === undefined && performance.now() < endMs) {
      const request = { type: messageTypes.request, current: current.address };
      renewed = ask(request, [messageTypes.ack, messageTypes.nak]);
    }
    if (renewed?.type !== messageTypes.ack) break;
    current = renewed;
    use(current);
  }
  ip("addr", "del", `${current.address}/${current.prefixLength}`, "dev", port);
  log(`${current.address} is over`);
}

for (;;) {
  const leased = lease();
  if (leased === undefined) {
    log("no answer; asking again");
    continue;
  }
  use(leased);
  keep(leased);
}
