import { expect, test } from "vitest";
import { maskOf } from "../../src/os/receive-packet-steering.ts";

test.each([
  [1, "1"],
  [2, "3"],
  [31, "7fffffff"],
  [32, "ffffffff"],
  [33, "1,ffffffff"],
  [96, "ffffffff,ffffffff,ffffffff"],
])("the set of %i processors is %s", (processors, mask) => expect(maskOf(processors)).toBe(mask));
