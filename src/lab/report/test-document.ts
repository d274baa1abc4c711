import type { CheckResult } from "../checks/result.ts";

/** What `wirespan lab test --json` prints. Keys are stable. */
export interface TestDocument {
  readonly topology: {
    readonly name: string;
    readonly title: string;
    readonly file: string;
    /** What commands such as `wirespan lab up` are given: its name, or the path of its file. */
    readonly argument: string;
  };
  readonly versions: { readonly wirespan: string; readonly node: string; readonly kernel: string };
  /** The plane of each daemon, by its LCCE, and why it has that; without those that did not answer. */
  readonly planes: Readonly<Record<string, { readonly name: string; readonly reason: string }>>;
  /** When the checks began, in UTC. */
  readonly began: string;
  readonly durationMs: number;
  readonly passed: boolean;
  readonly results: readonly CheckResult[];
}
