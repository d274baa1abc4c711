import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { InvariantError, isBug, OperationalError, TruncatedError } from "../../src/bytes/errors.ts";
import { errnoOf, ignoreErrno, SystemError } from "../../src/os/errors.ts";
import { decodingProblem, ProtocolError } from "../../src/wire/errors.ts";

function thrown(act: () => void): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}

test.each([
  ["/nowhere/at/all", "ENOENT"],
  ["/", "EISDIR"],
  ["a\0b", "ERR_INVALID_ARG_VALUE"],
])("an error of node:fs has the name of its errno: %j", (path, errno) => {
  const error = thrown(() => readFileSync(path));
  expect(errnoOf(error)).toBe(errno);
  expect(ignoreErrno(error)).toBeUndefined();
});

test.each([
  new TypeError("x is not a function"),
  new RangeError("Invalid array length"),
  new SystemError("open a file", { errno: "EIO", target: "disk" }),
])("an error without an errno of Node's is thrown on: %s", (error) => {
  expect(thrown(() => ignoreErrno(error))).toBe(error);
});

test.each([
  [new TypeError("x is not a function"), true],
  [new InvariantError("no such row"), true],
  [new Error("Operation not permitted"), false],
  [new OperationalError("the daemon is stopping"), false],
])("a bug is told from the plain errors of packages: %s", (error, expected) => {
  expect(isBug(error)).toBe(expected);
});

test("why octets cannot be decoded is told, and any other error is thrown on", () => {
  expect(decodingProblem(new TruncatedError("cookie", 4, 8, 2))).toContain("cookie");
  const detail = { resultCode: 2, errorCode: 3, section: "3.2.1" };
  expect(decodingProblem(new ProtocolError("version 1", detail))).toBe("version 1");
  const bug = new TypeError("x is undefined");
  expect(thrown(() => decodingProblem(bug))).toBe(bug);
});
