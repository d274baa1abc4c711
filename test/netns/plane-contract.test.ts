import { beforeAll, describe } from "vitest";
import { builtPlanes } from "../support/built-planes.ts";
import { needBpf } from "../support/namespace.ts";
import { planeContract } from "../support/plane-contract.ts";

beforeAll(needBpf);

describe.each(Object.entries(builtPlanes))("plane %s", (_, open) => planeContract(open));
