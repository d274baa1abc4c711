import { LABS_VARIABLE } from "../../src/lab/running.ts";

/** The labs of a process of tests are a set of their own: no other lab here is taken for one of them. */
process.env[LABS_VARIABLE] = `tests-${process.pid}`;
