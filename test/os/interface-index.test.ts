import { expect, test } from "vitest";
import { SystemError } from "../../src/os/errors.ts";
import { findInterfaceIndex, interfaceIndexOf } from "../../src/os/interface-index.ts";

test("an interface has its index, and none is there only where the kernel says so", () => {
  expect(findInterfaceIndex("eth0", () => 7)).toBe(7);
  expect(findInterfaceIndex("eth0", () => "ENODEV")).toBeUndefined();
  expect(findInterfaceIndex("a name that is too long", () => "ENXIO")).toBeUndefined();
  expect(findInterfaceIndex("lo")).toBeGreaterThan(0);
  expect(findInterfaceIndex(`wst${process.pid}`)).toBeUndefined();
});

test.each([findInterfaceIndex, interfaceIndexOf])(
  "without a descriptor the reason is that: $name",
  (find) => {
    const attempt = () => find("eth0", () => "EMFILE");
    expect(attempt).toThrow(SystemError);
    expect(attempt).toThrow(/^look up an interface: EMFILE \(interface eth0\); .*open files/);
  },
);

test("an interface that has to be there is missed", () => {
  expect(() => interfaceIndexOf("eth0", () => "ENODEV")).toThrow(
    "open an interface: ENODEV (interface eth0); it does not exist",
  );
});
