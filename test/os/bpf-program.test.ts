import { expect, test } from "vitest";
import { VerifierError } from "../../src/bpf/verifier-error.ts";
import { loadError } from "../../src/os/bpf-program.ts";

const LOG = "R1 invalid mem access 'scalar'\nprocessed 12 insns (limit 1000000)";

test.each([
  ["EACCES", LOG, true],
  ["EINVAL", LOG, true],
  ["E2BIG", LOG, true],
  ["EINVAL", "", false],
  // The verifier has accepted the program by then.
  ["EMFILE", "processed 12 insns (limit 1000000)", false],
  ["ENOMEM", "processed 12 insns (limit 1000000)", false],
])("a load that fails with %s and the log %j: by the verifier, %s", (errno, log, byVerifier) => {
  const error = loadError("ws_emit", errno, log);
  expect(error instanceof VerifierError).toBe(byVerifier);
  expect(error.errno).toBe(errno);
  expect(error.message.includes("verifier")).toBe(byVerifier);
});
