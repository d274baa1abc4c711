import { expect, test } from "vitest";
import { SystemError } from "../../src/os/errors.ts";
import { findInterfaceIndex, type IndexLookup, interfaceIndexOf } from "../../src/os/interface-index.ts";
import { ifNameToIndex } from "../../src/os/libc.ts";

/** A kernel that refuses. */
const refuse =
  (errno: string): IndexLookup =>
  (name) => {
    throw new SystemError("look up an interface", { errno, target: `interface ${name}` });
  };

test("an interface has its index, and none is there only where the kernel says so", () => {
  expect(findInterfaceIndex("eth0", () => 7)).toBe(7);
  expect(findInterfaceIndex("eth0", refuse("ENODEV"))).toBeUndefined();
  expect(findInterfaceIndex("lo")).toBe(ifNameToIndex("lo"));
  expect(findInterfaceIndex(`wst${process.pid}`)).toBeUndefined();
  expect(findInterfaceIndex(`lo${"x".repeat(40)}`)).toBeUndefined();
});

test.each([findInterfaceIndex, interfaceIndexOf])(
  "without a descriptor the reason is that: $name",
  (find) => {
    const attempt = () => find("eth0", refuse("EMFILE"));
    expect(attempt).toThrow(SystemError);
    expect(attempt).toThrow(/^look up an interface: EMFILE \(interface eth0\); .*open files/);
  },
);

test("an interface that has to be there is missed", () => {
  expect(() => interfaceIndexOf("eth0", refuse("ENODEV"))).toThrow(
    "open an interface: ENODEV (interface eth0); it does not exist",
  );
});
