import { expect, test } from "vitest";
import { called } from "../support/set-up.ts";

const renamed = (...newNames: readonly (readonly [string, string])[]) =>
  ({ kind: "rename-connections", newNames: new Map(newNames) }) as const;

test("a peer's new name is told to nobody: connection and session go on under it", () => {
  const { bench, peer, icrq } = called();
  const before = bench.lcce.snapshot();
  bench.input(renamed(["peer", "head"]));
  expect(peer.heard()).toEqual([]);
  const after = bench.lcce.snapshot();
  expect(JSON.stringify(after)).toBe(JSON.stringify(before).replaceAll('"peer":"peer"', '"peer":"head"'));
  expect(JSON.stringify(after)).toContain(`"localSessionId":${icrq.avps.localSessionId}`);
  bench.events.length = 0;
  const newer = { ...bench.settings, name: "head", helloIntervalMs: 5000 };
  bench.input({ kind: "update-connection", peer: newer });
  bench.advance(5000);
  expect(peer.names()).toEqual(["HELLO"]);
  peer.acknowledge();
  bench.input({ kind: "close-connection", peer: "peer", resultCode: 1 });
  expect(peer.heard()).toEqual([]);
  bench.input({ kind: "close-connection", peer: "head", resultCode: 1 });
  expect(peer.names()).toContain("StopCCN");
  expect(bench.events).toContainEqual(expect.objectContaining({ event: "control-connection", peer: "head" }));
});

test("two peers exchange their names, and each keeps what is its own", () => {
  const { bench, peer } = called();
  const path = { ...bench.settings.path, remoteAddress: "192.0.2.77" };
  bench.input({ kind: "open-connection", peer: { ...bench.settings, name: "other", path } });
  bench.input(renamed(["peer", "other"], ["other", "peer"]));
  peer.heard();
  bench.input({ kind: "close-connection", peer: "peer", resultCode: 1 });
  expect(peer.heard().map((message) => [message.name, message.path.remoteAddress])).toEqual([
    ["StopCCN", path.remoteAddress],
  ]);
  bench.input({ kind: "close-session", pseudowire: "lan" });
  expect(peer.names()).toEqual(["CDN"]);
  bench.input({ kind: "close-connection", peer: "other", resultCode: 1 });
  expect(peer.names()).toContain("StopCCN");
});
