import { describe, expect, test } from "vitest";
import { toHex } from "../../../../src/bytes/hex.ts";
import type { BpfMap, BpfProgram } from "../../../../src/environment.ts";
import type { EbpfDevice } from "../../../../src/forwarding/ebpf/plane/devices.ts";
import {
  type InstalledSession,
  InstalledSessions,
} from "../../../../src/forwarding/ebpf/plane/installed-sessions.ts";
import type { Pins } from "../../../../src/forwarding/ebpf/plane/pins.ts";
import { ProgramAttachments } from "../../../../src/forwarding/ebpf/plane/program-attachments.ts";
import { programName } from "../../../../src/forwarding/ebpf/plane/program-cache.ts";
import {
  haltedInstall,
  programInstall,
  puntInstall,
} from "../../../../src/forwarding/ebpf/plane/session-install.ts";
import { SystemError } from "../../../../src/os/errors.ts";
import type { ProgramAttachment } from "../../../../src/os/traffic-control.ts";
import { attachment, pathOver, sessionParameters } from "../../../support/sessions.ts";

const ID = 7;
const circuit = attachment();
const conditions = { isAllowed: () => true, yieldNumbers: undefined };
const CIRCUIT = 10;

/** A kernel of maps and hooks, one of whose calls fails: the one of number `failing`, counted from 1. */
class Machine {
  failing: number | undefined;
  errno = "";
  #calls = 0;
  readonly maps = { circuits: this.#map(), peers: this.#map(), routes: this.#map() };
  /** Programs at hooks, such as "ws_punt_port at 10", and whether a pin holds them. */
  readonly attached = new Map<object, string>();
  readonly pinned = new Set<object>();
  readonly #loaded = new Map<string, BpfProgram>();

  /** The next calls are counted from 1 again. */
  fail(failing: number | undefined, errno: string): void {
    this.failing = failing;
    this.errno = errno;
    this.#calls = 0;
  }

  /** Whether the call that was to fail was made. */
  get hasFailed(): boolean {
    return this.failing !== undefined && this.#calls >= this.failing;
  }

  call(operation: string): void {
    this.#calls += 1;
    if (this.#calls === this.failing) throw new SystemError(operation, { errno: this.errno, target: "fake" });
  }

  readonly programs = {
    get: (spec: Parameters<typeof programName>[0]): BpfProgram => {
      const name = programName(spec);
      const loaded = this.#loaded.get(name);
      if (loaded !== undefined) return loaded;
      this.call("load a program");
      const program = { name } as unknown as BpfProgram;
      this.#loaded.set(name, program);
      return program;
    },
  };

  readonly hooks = {
    attach: async (program: BpfProgram, interfaceIndex: number): Promise<ProgramAttachment> => {
      this.call("attach");
      const link: ProgramAttachment = {
        kind: "tcx",
        interfaceIndex,
        replace: async () => this.call("replace"),
        pin: () => {
          this.call("pin");
          this.pinned.add(link);
        },
        detach: async () => {
          this.call("detach");
          this.attached.delete(link);
        },
        close: () => void this.attached.delete(link),
      };
      this.attached.set(link, `${program.name} at ${interfaceIndex}`);
      return link;
    },
    leftOvers: async () => {
      this.call("look for filters");
      return new Map();
    },
    openPinned: () => expect.unreachable(),
  };

  #map(): BpfMap {
    const entries = new Map<string, string>();
    const map = {
      entriesAsText: entries,
      update: (key: Uint8Array, value: Uint8Array) => {
        this.call("update a map");
        entries.set(toHex(key), toHex(value));
      },
      remove: (key: Uint8Array) => {
        this.call("remove from a map");
        return entries.delete(toHex(key));
      },
    };
    return map as unknown as BpfMap;
  }
}

function entriesOf(map: BpfMap): Readonly<Record<string, string>> {
  return Object.fromEntries((map as unknown as { entriesAsText: Map<string, string> }).entriesAsText);
}

const device = {
  hook: { interfaceIndex: CIRCUIT, at: "ingress" },
  delivery: "out",
  exceptionPath: { entry: 11, exit: 12 },
} as EbpfDevice;

/** A session to the peer by way of an interface: by programs, or by the userspace plane. */
function forwarded(by: number, localSessionId = ID): InstalledSession {
  const session = sessionParameters({ path: pathOver("udp"), localSessionId });
  const binding = { session, attachment: circuit, device };
  const route = {
    interfaceIndex: by,
    nextHop: new Uint8Array(4),
    mtu: 1500,
    interfaceMtu: 1500,
    interfaceName: "wan",
  };
  const peerRoute = { route, hasPolicies: false, text: `by ${by}` } as never;
  const endpoint = { fragmentation: "outer", checksum: "auto", gso: "segment" } as never;
  const networkExceptionPath = { entry: 13, exit: 14 };
  const install = programInstall(binding, endpoint, peerRoute, localSessionId, { networkExceptionPath });
  return { ...binding, install, isForwarded: true, route: peerRoute };
}

function passed(localSessionId = ID): InstalledSession {
  const session = sessionParameters({ path: pathOver("udp"), localSessionId });
  const binding = { session, attachment: circuit, device };
  return { ...binding, install: puntInstall(binding, localSessionId), isForwarded: false, route: undefined };
}

class Bench {
  readonly machine = new Machine();
  readonly held = new Set<number>();
  readonly sessions: InstalledSessions;

  constructor() {
    const { maps, programs, hooks } = this.machine;
    const pins = {
      // A directory without pins.
      path: import.meta.dirname,
      pin: (_: string, object: ProgramAttachment) => object.pin("a path"),
      remove: () => this.machine.call("remove a pin"),
    } as unknown as Pins;
    this.sessions = new InstalledSessions({
      maps,
      attachments: new ProgramAttachments(programs, hooks, pins),
      arrays: {
        hold: (index) => index !== undefined && this.held.add(index),
        replaceStale: () => undefined,
      },
      networkExceptionPath: { entry: 13, exit: 14 },
    });
  }

  /** Programs that are attached, once each. */
  get attached(): readonly string[] {
    return [...this.machine.attached.values()].sort();
  }

  /** The maps hold what the sessions have, and nothing else; `bound` has the circuit. */
  expectAgreement(bound: number | undefined): void {
    const { circuits, peers } = this.machine.maps;
    const { all } = this.sessions;
    const text = (entries: readonly (readonly [Uint8Array, Uint8Array])[]) =>
      Object.fromEntries(entries.map(([key, value]) => [toHex(key), toHex(value)]));
    const owner = bound === undefined ? undefined : this.sessions.get(bound);
    expect(entriesOf(circuits)).toEqual(text(owner?.install.circuits ?? []));
    expect(entriesOf(peers)).toEqual(text(all.flatMap(({ install }) => install.peers)));
    for (const { install, isForwarded, session } of all) {
      expect(install.peers.length > 0).toBe(isForwarded);
      if (!isForwarded) expect(this.held).toContain(session.localSessionId);
      // What an entry needs to act is attached.
      for (const [spec, hook] of install.programs)
        expect(this.attached).toContain(`${programName(spec)} at ${hook.interfaceIndex}`);
    }
  }

  /** Nothing is attached but what the sessions use. */
  expectNoLeaks(): void {
    const used = this.sessions.all.flatMap(({ install }) =>
      install.programs.map(([spec, hook]) => `${programName(spec)} at ${hook.interfaceIndex}`),
    );
    expect(this.attached).toEqual([...new Set(used)].sort());
  }
}

interface Row {
  readonly name: string;
  /** What is there before, with the circuit bound to session 7. */
  readonly before?: InstalledSession;
  readonly act: (bench: Bench) => Promise<void> | void;
  /** Whether programs forward session 7 after a failure, where it is there. */
  readonly afterFailure: readonly (boolean | undefined)[];
  readonly afterwards: boolean | undefined;
}

const forward = (by: number) => (bench: Bench) => bench.sessions.forward(forwarded(by), conditions);
const pass = (bench: Bench) => bench.sessions.pass(passed());

/** TABLE: operations, and who forwards after one of its calls failed, and after it was repeated. */
const rows: readonly Row[] = [
  { name: "add", act: forward(20), afterFailure: [undefined], afterwards: true },
  {
    name: "update to a new route",
    before: forwarded(20),
    act: forward(21),
    // True also where only the removal of the former install failed.
    afterFailure: [true],
    afterwards: true,
  },
  {
    name: "update by the same route",
    before: forwarded(20),
    act: forward(20),
    afterFailure: [true],
    afterwards: true,
  },
  // Whatever fails, the session is passed: by its halted programs, if need be.
  { name: "divert", before: forwarded(20), act: pass, afterFailure: [false], afterwards: false },
  { name: "divert again", before: passed(), act: pass, afterFailure: [false], afterwards: false },
  {
    name: "take back",
    before: passed(),
    act: forward(20),
    afterFailure: [false, true],
    afterwards: true,
  },
  { name: "pass at first", act: pass, afterFailure: [undefined, false], afterwards: false },
  {
    name: "remove",
    before: forwarded(20),
    act: (bench) => bench.sessions.remove(ID),
    afterFailure: [true, undefined],
    afterwards: undefined,
  },
];

async function benchOf({ before }: Row): Promise<Bench> {
  const bench = new Bench();
  bench.sessions.bind(circuit, ID);
  if (before?.isForwarded === true) await bench.sessions.forward(before, conditions);
  else if (before !== undefined) await bench.sessions.pass(before);
  bench.expectAgreement(ID);
  return bench;
}

describe.each(rows)("$name", (row) => {
  test.each(["EMFILE", "ENOMEM", "ENOENT"])("whichever call fails with %s", async (errno) => {
    let failures = 0;
    for (let failing = 1; ; failing += 1) {
      const bench = await benchOf(row);
      bench.machine.fail(failing, errno);
      const error: unknown = await Promise.resolve(row.act(bench)).then(
        () => undefined,
        (problem: unknown) => problem,
      );
      const { hasFailed } = bench.machine;
      bench.machine.fail(undefined, "");
      if (!hasFailed) break;
      failures += 1;
      if (error !== undefined) expect(String(error)).toContain(errno);
      const after = bench.sessions.get(ID)?.isForwarded;
      expect(row.afterFailure).toContain(after);
      if (row.name !== "remove") bench.expectAgreement(ID);
      await row.act(bench);
      expect(bench.sessions.get(ID)?.isForwarded).toBe(row.afterwards);
      bench.expectAgreement(ID);
      await bench.sessions.remove(ID);
      bench.expectAgreement(undefined);
    }
    expect(failures).toBeGreaterThan(0);
  });

  test("nothing is left attached that no session uses", async () => {
    const bench = await benchOf(row);
    await row.act(bench);
    bench.expectNoLeaks();
    await bench.sessions.remove(ID);
    bench.expectNoLeaks();
  });
});

test.each(["EMFILE", "ENOMEM"])(
  "a circuit is bound to another session wholly or not at all: %s",
  async (errno) => {
    for (let failing = 1; ; failing += 1) {
      const bench = new Bench();
      await bench.sessions.forward(forwarded(20), conditions);
      await bench.sessions.forward(forwarded(20, 8), conditions);
      bench.expectAgreement(undefined);
      bench.sessions.bind(circuit, ID);
      bench.expectAgreement(ID);
      bench.machine.fail(failing, errno);
      let bound = 8;
      try {
        bench.sessions.bind(circuit, 8);
      } catch (error) {
        expect(String(error)).toContain(errno);
        bound = ID;
      }
      const { hasFailed } = bench.machine;
      bench.machine.fail(undefined, "");
      bench.expectAgreement(bound);
      expect(bound).toBe(hasFailed ? ID : 8);
      if (!hasFailed) return;
      bench.sessions.bind(circuit, 8);
      bench.expectAgreement(8);
    }
  },
);

test("a session halted for IPsec policies stays halted when the attempt to replace it fails", async () => {
  const bench = new Bench();
  bench.sessions.bind(circuit, ID);
  await bench.sessions.forward(forwarded(20), conditions);
  bench.sessions.haltWhere(() => true);
  const { install } = bench.sessions.get(ID) as InstalledSession;
  expect(install).toEqual(haltedInstall(forwarded(20).install));
  await expect(
    bench.sessions.forward(forwarded(21), { ...conditions, isAllowed: () => false }),
  ).rejects.toThrow("IPsec");
  expect(Object.values(entriesOf(bench.machine.maps.circuits))).toEqual(
    forwarded(20).install.halted.map(([, value]) => toHex(value)),
  );
  expect(entriesOf(bench.machine.maps.peers)).toEqual({});
  expect(bench.held).toContain(ID);
});

describe("numbers that the userspace plane is to release", () => {
  /** Forwards session 7 by an interface; whether both directions have changed when numbers are asked for. */
  async function forwardAsking(bench: Bench, by: number): Promise<readonly string[]> {
    const asked: string[] = [];
    const { install } = forwarded(by);
    const yieldNumbers = async () => {
      const [key, value] = install.circuits[0] ?? [];
      if (key === undefined || value === undefined) throw new Error("no entry of the circuit");
      asked.push(entriesOf(bench.machine.maps.circuits)[toHex(key)] === toHex(value) ? "after" : "before");
    };
    await bench.sessions.forward(forwarded(by), { isAllowed: () => true, yieldNumbers });
    bench.expectAgreement(ID);
    return asked;
  }

  test("are asked for only while programs have not got them, so that a path changes at once", async () => {
    const bench = new Bench();
    bench.sessions.bind(circuit, ID);
    expect(await forwardAsking(bench, 20)).toEqual(["after"]);
    expect(await forwardAsking(bench, 21)).toEqual([]);
    await bench.sessions.pass(passed());
    expect(await forwardAsking(bench, 22)).toEqual(["after"]);
    bench.sessions.haltWhere(() => true);
    expect(await forwardAsking(bench, 22)).toEqual(["after"]);
  });
});
