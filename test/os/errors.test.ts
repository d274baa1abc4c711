import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { InvariantError, isBug, OperationalError, TruncatedError } from "../../src/bytes/errors.ts";
import { attempt, errnoOf, ignoreErrno, SystemError } from "../../src/os/errors.ts";
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

test("an argument that Node does not take is a bug, although the error has a code", () => {
  const path = { not: "a path" } as unknown as string;
  const error = thrown(() => readFileSync(path));
  expect(error).toMatchObject({ code: "ERR_INVALID_ARG_TYPE" });
  expect(thrown(() => errnoOf(error))).toBe(error);
  expect(thrown(() => attempt("read a file", "x", () => readFileSync(path)))).toEqual(error);
});

test.each([
  new TypeError("x is not a function"),
  new RangeError("Invalid array length"),
  new OperationalError("the daemon is stopping"),
])("an error without an errno is thrown on: %s", (error) => {
  expect(thrown(() => ignoreErrno(error))).toBe(error);
});

test("SystemError has its errno too, and so has an error of node:os, whose code says nothing", () => {
  expect(errnoOf(new SystemError("open a file", { errno: "EIO", target: "disk" }))).toBe("EIO");
  const own = { code: "ERR_SYSTEM_ERROR", info: { code: "EMFILE" } };
  expect(errnoOf(Object.assign(new Error("uv_interface_addresses"), own))).toBe("EMFILE");
});

test("what is attempted throws SystemError for a refusal, and bugs as they are", () => {
  const refuse = (code: string) => () => {
    throw Object.assign(new Error(code), { code });
  };
  expect(attempt("read a file", "/a", () => 7)).toBe(7);
  expect(() => attempt("write a file", "/a", refuse("ENOSPC"))).toThrow(
    new SystemError("write a file", { errno: "ENOSPC", target: "/a", hint: "the file system is full" }),
  );
  expect(() => attempt("x", "/a", refuse("EAGAIN"), { EAGAIN: "wait" })).toThrow("x: EAGAIN (/a); wait");
  const bug = new TypeError("x is not a function");
  expect(
    thrown(() =>
      attempt("read a file", "/a", () => {
        throw bug;
      }),
    ),
  ).toBe(bug);
});

test("where no descriptor is left, any error says what to do about that", () => {
  const error = new SystemError("open a socket", { errno: "EMFILE", target: "x", hint: "needs CAP_NET_RAW" });
  expect(error.message).toMatch(/^open a socket: EMFILE \(x\); .*LimitNOFILE/);
  expect(error.message).not.toContain("CAP_NET_RAW");
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
