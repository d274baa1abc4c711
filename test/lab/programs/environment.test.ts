import { expect, test } from "vitest";
import { nodeEnvironment } from "../../../src/lab/nodes.ts";

test("what runs in a node finds the daemon, and knows where it is", () => {
  expect(nodeEnvironment("hq", "/home/me/labs/own.yaml")).toEqual({
    PATH: expect.stringMatching(/^\/run\/bin:/),
    WIRESPAN_SOCKET: "/run/sockets/hq",
    NODE: "hq",
    RUN: "/run",
    TOPOLOGY_FOLDER: "/home/me/labs",
  });
});
