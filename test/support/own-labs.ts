import { LABS_VARIABLE } from "../../src/lab/running.ts";

// Programs that tests start print numbers to be read: a run in colours asks them for colours too.
delete process.env["FORCE_COLOR"];

/** The labs of a process of tests are a set of their own: no other lab here is taken for one of them. */
process.env[LABS_VARIABLE] = `tests-${process.pid}`;
