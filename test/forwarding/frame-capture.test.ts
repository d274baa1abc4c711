import { expect, test } from "vitest";
import { FrameCapture } from "../../src/forwarding/frame-capture.ts";
import type {
  CapturedFrame,
  FrameRecording,
  FramesWanted,
  MirrorPlace,
  RecordingScope,
} from "../../src/forwarding/frame-source.ts";

const wanted: FramesWanted = { pseudowire: "lan", circuit: { device: "eth1" }, snapOctets: 1500 };

class Source {
  received = 0;
  dropped = 0;
  isClosed = false;
  peek(): CapturedFrame | undefined {
    return undefined;
  }
  skip(): void {}
  [Symbol.dispose](): void {
    this.isClosed = true;
  }
}

class Recording extends Source implements FrameRecording {
  readonly scopes: RecordingScope[] = [];
  async setScope(scope: RecordingScope): Promise<void> {
    this.scopes.push(scope);
  }
  async close(): Promise<void> {
    this.isClosed = true;
  }
}

/** A capture, the recording of its last plane, and where mirrors can be opened now. */
async function openCapture() {
  const recording = new Recording();
  const mirrors: Source[] = [];
  const at: { interfaceIndex: number | undefined; seesOthers: boolean } = {
    ...{ interfaceIndex: undefined, seesOthers: true },
  };
  const placeOf = (): MirrorPlace | undefined => {
    const { interfaceIndex, seesOthers } = at;
    if (interfaceIndex === undefined) return undefined;
    const open = () => {
      const mirror = new Source();
      mirrors.push(mirror);
      return mirror;
    };
    return { interfaceIndex, seesOthers, open };
  };
  const capture = await FrameCapture.open(wanted, { open: async () => recording }, placeOf);
  return { capture, recording, mirrors, at };
}

test("where no plane is above the last, its recording has all frames", async () => {
  const { capture, recording, mirrors } = await openCapture();
  await capture.follow(true);
  recording.received = 5;
  recording.dropped = 2;
  expect([capture.received, capture.dropped]).toEqual([5, 2]);
  expect(capture.sources).toEqual([recording]);
  expect([mirrors, recording.scopes]).toEqual([[], []]);
});

test("a mirror has what a plane above takes, and the recording the rest", async () => {
  const { capture, recording, mirrors, at } = await openCapture();
  at.interfaceIndex = 7;
  await capture.follow(true);
  await capture.follow(true);
  expect(mirrors).toHaveLength(1);
  expect(capture.sources).toEqual([recording, ...mirrors]);
  expect(recording.scopes).toEqual([{ fromCircuit: false, toCircuit: false }]);
  at.seesOthers = false;
  await capture.follow(true);
  expect(recording.scopes.at(-1)).toEqual({ fromCircuit: false, toCircuit: true });
});

test("a mirror goes without a session, and with another interface; what it counted stays", async () => {
  const { capture, recording, mirrors, at } = await openCapture();
  at.interfaceIndex = 7;
  await capture.follow(false);
  expect(mirrors).toHaveLength(0);
  await capture.follow(true);
  Object.assign(mirrors[0] as Source, { received: 10, dropped: 1 });
  recording.received = 3;
  at.interfaceIndex = 8;
  await capture.follow(true);
  expect(mirrors.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  Object.assign(mirrors[1] as Source, { received: 4, dropped: 2 });
  expect([capture.received, capture.dropped]).toEqual([17, 3]);
  at.interfaceIndex = undefined;
  await capture.follow(true);
  expect(mirrors.map(({ isClosed }) => isClosed)).toEqual([true, true]);
  expect(recording.scopes.at(-1)).toEqual({ fromCircuit: true, toCircuit: true });
  expect([capture.received, capture.dropped]).toEqual([17, 3]);
});

test("closing ends the recording and the mirror", async () => {
  const { capture, recording, mirrors, at } = await openCapture();
  at.interfaceIndex = 7;
  await capture.follow(true);
  await capture.close();
  expect([recording.isClosed, mirrors[0]?.isClosed]).toEqual([true, true]);
});
