// Two nodes, a and b, at a segment, and the LinkControl of their links, in namespaces of its own: it reads
// requests as lines of JSON, { id, task, words }, and answers each by a line. With the word "attach" it makes
// nothing, and is in the namespaces of a lab that is up.
import { mkdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { CommandError, JsonLinesProcess, run } from "../../dist/lab/command.js";
import { LinkControl } from "../../dist/lab/links/link-control.js";

const FRAMES = fileURLToPath(new URL("./frames.mjs", import.meta.url));
const FRAMES_MS = 20_000;
const controls = new Map();

async function ip(words) {
  await run(["ip", ...words.split(" ")]);
}

function within(node, ...command) {
  return ["ip", "netns", "exec", node, ...command];
}

async function build(options) {
  await run(["mount", "-t", "tmpfs", "tmpfs", "/run"]);
  mkdirSync("/run/netns");
  await ip("link set lo up");
  for (const node of ["a", "b", "segment"]) await ip(`netns add ${node}`);
  await ip(`-n segment link add bridge type bridge mcast_snooping 0 ${options}`.trim());
  await ip("-n segment link set bridge up");
  for (const [index, node] of ["a", "b"].entries()) {
    await ip(`link add eth0 netns ${node} type veth peer name to-${node} netns segment`);
    await ip(`-n segment link set to-${node} master bridge`);
    await ip(`-n segment link set to-${node} up`);
    await ip(`-n ${node} link set eth0 up`);
    await ip(`-n ${node} addr add 10.9.0.${index + 1}/24 dev eth0`);
  }
}

/** Sends frames into an interface; those of `wanted` that do not come out of another one. */
async function crossing([fromNode, fromPort], [toNode, toPort], sent, wanted) {
  const listener = new JsonLinesProcess(within(toNode, process.execPath, FRAMES, "listen", toPort));
  const missing = new Set(wanted);
  try {
    await listener.next(FRAMES_MS);
    await run(within(fromNode, process.execPath, FRAMES, "send", fromPort, ...sent));
    const endMs = performance.now() + FRAMES_MS;
    while (missing.size > 0) missing.delete((await listener.next(endMs - performance.now())).frame);
  } catch (error) {
    // The time is over.
    if (!(error instanceof CommandError)) throw error;
  } finally {
    await listener[Symbol.asyncDispose]();
  }
  return [...missing];
}

const tasks = {
  open: (name, options) => {
    controls.set(name, new LinkControl(options));
  },
  set: (name, link, change) => controls.get(name).set(link, change),
  prepare: (name, link) => controls.get(name).prepare(link),
  remove: (name, link) => controls.get(name).remove(link),
  report: (name) => controls.get(name).report(),
  relayPid: (name) => controls.get(name).relayPid ?? 0,
  close: (name) => controls.get(name)[Symbol.asyncDispose](),
  run: (command) => run(command, { accept: [0, 1, 2, 255], timeoutMs: 120_000 }),
  crossing,
};

if (process.argv[2] !== "attach") await build(process.argv[2] ?? "");
process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const { id, task, words } = JSON.parse(line);
  (async () => tasks[task](...words))().then(
    (result) => process.stdout.write(`${JSON.stringify({ id, result })}\n`),
    (error) => process.stdout.write(`${JSON.stringify({ id, error: String(error.stack) })}\n`),
  );
}
process.exit(0);
