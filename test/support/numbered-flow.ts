import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./lab.ts";
import type { TestNamespace } from "./namespace.ts";

/**
 * A steady flow of small frames between two hosts, each with an id of its own, of a type that is not IP
 * (local experimental, 0x88b5).
 */

const ETHERTYPE = 0x88b5;
const ETHERNET_HEADER = 14;
const IPV4_HEADER = 20;
const UDP_HEADER = 8;
/** Octets of a frame of the flow. */
const FRAME = 64;
const DIST = new URL("../../dist/os/", import.meta.url).href;

/**
 * Sends three frames each two milliseconds, with ids from argv's first number on, until its input ends;
 * prints how many it sent.
 */
const sender = `
const { openPacketSocket } = await import("${DIST}sockets.js");
const { addressOf, write } = await import("${DIST}libc.js");
const fd = openPacketSocket("eth0", { receives: false });
const octets = new Uint8Array(10 + ${FRAME});
const view = new DataView(octets.buffer);
octets.fill(0xff, 10, 16);
octets.set([2, 0, 0, 0, 0, 1], 16);
view.setUint16(22, ${ETHERTYPE});
let sent = 0;
const timer = setInterval(() => {
  for (let index = 0; index < 3; index += 1) {
    view.setUint32(24, sent);
    if (write(fd, addressOf(octets), octets.length) === octets.length) sent += 1;
  }
}, 2);
process.stdin.on("end", () => { clearInterval(timer); console.log(sent); process.exit(0); }).resume();
`;

interface Capture {
  readonly file: string;
  readonly tcpdump: ChildProcess;
}

function capture(place: TestNamespace, device: string, file: string, filter: string): Capture {
  const words = [
    "netns",
    "exec",
    place.name,
    "tcpdump",
    "-Z",
    "root",
    "-i",
    device,
    "-n",
    "-U",
    "-B",
    "16384",
  ];
  const tcpdump = spawn("ip", [...words, "-w", file, ...filter.split(" ")], { stdio: "ignore" });
  return { file, tcpdump };
}

/** The packets of a capture that tcpdump wrote, in order. */
function packetsOf(file: string): readonly Buffer[] {
  const octets = readFileSync(file);
  const packets: Buffer[] = [];
  for (let at = 24; at + 16 <= octets.length; ) {
    const length = octets.readUInt32LE(at + 8);
    packets.push(octets.subarray(at + 16, at + 16 + length));
    at += 16 + length;
  }
  return packets;
}

export interface FlowShape {
  readonly from: TestNamespace;
  readonly to: TestNamespace;
  /**
   * Where its messages arrive on `wan`, from whom, and how many octets precede the sublayer in an IPv4
   * packet.
   */
  readonly wan: TestNamespace;
  readonly source: string;
  readonly sublayerAt: number;
}

/** What became of a flow. */
export interface FlowResult {
  readonly sent: number;
  /** Ids of the frames that arrived, in their order. */
  readonly arrived: readonly number[];
  /** Numbers of the messages with the S bit, in their order (RFC 3931 §4.6). */
  readonly numbers: readonly number[];
}

export class NumberedFlow implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "wirespan-flow-"));
  readonly #shape: FlowShape;
  readonly #sender: ChildProcess;
  readonly #frames: Capture;
  readonly #messages: Capture;
  #printed = "";

  private constructor(shape: FlowShape) {
    this.#shape = shape;
    this.#frames = capture(shape.to, "eth0", join(this.#folder, "frames"), `ether proto ${ETHERTYPE}`);
    this.#messages = capture(
      shape.wan,
      "wan",
      join(this.#folder, "messages"),
      `ip src ${shape.source} and (udp or ip proto 115)`,
    );
    const script = ["--input-type=module", "-e", sender];
    this.#sender = spawn("ip", ["netns", "exec", shape.from.name, process.execPath, ...script], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#sender.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#printed += text;
    });
  }

  /** Begins it, and waits until frames arrive and are captured on the way. */
  static async begin(shape: FlowShape): Promise<NumberedFlow> {
    const flow = new NumberedFlow(shape);
    await flow.goesOn(10);
    return flow;
  }

  /** Waits until so many more frames arrived. */
  async goesOn(frames: number): Promise<void> {
    const count = () => {
      try {
        return Math.min(packetsOf(this.#frames.file).length, packetsOf(this.#messages.file).length);
      } catch {
        return 0;
      }
    };
    const wanted = count() + frames;
    await eventually(`${frames} more frames arrive`, async () => count() >= wanted);
  }

  /** Ends it, and waits for what is still on its way. */
  async end(): Promise<FlowResult> {
    const ended = new Promise((resolve) => this.#sender.once("close", resolve));
    this.#sender.stdin?.end();
    await ended;
    const sent = Number(this.#printed);
    const arrived = () => packetsOf(this.#frames.file).map((octets) => octets.readUInt32BE(ETHERNET_HEADER));
    await eventually("the last frame arrives", async () => arrived().includes(sent - 1)).catch(
      () => undefined,
    );
    for (const { tcpdump } of [this.#frames, this.#messages]) {
      const closed = new Promise((resolve) => tcpdump.once("close", resolve));
      tcpdump.kill("SIGINT");
      await closed;
    }
    return { sent, arrived: arrived(), numbers: this.#numbers() };
  }

  #numbers(): readonly number[] {
    const at = this.#shape.sublayerAt - IPV4_HEADER;
    return packetsOf(this.#messages.file)
      .flatMap(messagesIn)
      .filter((octets) => octets.length >= at + 4 && (octets.readUInt32BE(at) & 0x4000_0000) !== 0)
      .map((octets) => octets.readUInt32BE(at) & 0xff_ffff);
  }

  [Symbol.dispose](): void {
    for (const process of [this.#sender, this.#frames.tcpdump, this.#messages.tcpdump])
      process.kill("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/**
 * The data messages in a packet, from what follows the IP header on: over UDP a veth pair may carry several
 * as one GSO packet, which the kernel has not segmented yet (UDP_SEGMENT). Over UDP the T bit tells control
 * messages, over IP the session id 0.
 */
function messagesIn(packet: Buffer): readonly Buffer[] {
  const datagram = packet.subarray(ETHERNET_HEADER + IPV4_HEADER);
  const isUdp = packet[ETHERNET_HEADER + 9] === 17;
  if (!isUdp) return datagram.readUInt32BE(0) === 0 ? [] : [datagram];
  const [header, run] = [datagram.subarray(0, UDP_HEADER), datagram.subarray(UDP_HEADER)];
  if (((run[0] ?? 0) & 0x80) !== 0) return [];
  const messages: Buffer[] = [];
  // Each begins as the first one does, with the session's id.
  const beginning = run.subarray(0, 8);
  let rest = run;
  for (let next = rest.indexOf(beginning, 8); next > 0; next = rest.indexOf(beginning, 8)) {
    messages.push(Buffer.concat([header, rest.subarray(0, next)]));
    rest = rest.subarray(next);
  }
  return [...messages, Buffer.concat([header, rest])];
}
