import { beforeAll, expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { needBpf } from "../support/namespace.ts";
import { HOSTS, VethLcces } from "../support/veth-lcces.ts";

/**
 * A pseudowire that numbers its frames, over a path that takes small ones whole and has others fragmented:
 * all frames are of one series of numbers, whichever plane sends them.
 */

beforeAll(needBpf);

const NUMBERED = "sublayer: default, sequencing: all";
const SMALL = 56;
const FULL_SIZE = 1472;
const SHORT_PATH = 1500;
const ROUNDS = 5;

const rows = (["udp", "ip"] as const).flatMap((encapsulation) =>
  ([4, 6] as const).map((family) => ({ encapsulation, family })),
);

async function pseudowire(lcces: VethLcces, end: "a" | "b") {
  const { pseudowires } = await lcces.status(end);
  const [found] = pseudowires;
  if (found === undefined) throw new Error(`no pseudowire at ${end}`);
  return found;
}

/** How many of some pings came back. */
async function answers(lcces: VethLcces, octets: number, count: number): Promise<number> {
  const command = ["ip", "netns", "exec", lcces.host("a").name, "ping", "-q", "-i0.05", "-W1"];
  const { stdout } = await run([...command, `-c${count}`, `-s${octets}`, HOSTS.b[4]], { accept: [0, 1] });
  return Number(/(\d+) received/.exec(stdout)?.[1] ?? 0);
}

async function expectNothingLost(lcces: VethLcces): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1)
    for (const octets of [SMALL, FULL_SIZE])
      expect(await answers(lcces, octets, 3), `pings of ${octets} octets, round ${round}`).toBe(3);
  for (const end of ["a", "b"] as const)
    expect((await pseudowire(lcces, end)).discards["out-of-sequence"] ?? 0, `late at ${end}`).toBe(0);
}

const shapeOf = (row: (typeof rows)[number], wanMtu: number) =>
  ({
    ...row,
    wanMtu,
    a: { plane: "ebpf", pseudowire: NUMBERED },
    b: { plane: "userspace", pseudowire: NUMBERED },
  }) as const;

test.each(rows)(
  "$encapsulation over IPv$family: small and fragmented frames have one series",
  async (row) => {
    await using lcces = await VethLcces.up(shapeOf(row, SHORT_PATH));
    await expectNothingLost(lcces);
    const { plane, planeReason } = await pseudowire(lcces, "a");
    expect([plane, planeReason]).toEqual(["userspace", expect.stringContaining("IP must fragment")]);
  },
);
