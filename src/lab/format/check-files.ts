import { dirname, resolve } from "node:path";
import type { Issue } from "../../config/issues.ts";
import type { KeyPath } from "../../config/schema-text.ts";
import { keysOfPath } from "../exercise/gaps.ts";
import { SECRET_FILE } from "./check-wirespan.ts";
import type { TopologyContext } from "./context.ts";
import { type Report, reported, type Scope } from "./scope.ts";

/** Files that a topology names: that they are there. */

/** Programs that nodes run and this machine lacks: others may have them. */
export function checkNeeds({ raw }: Scope, { hasProgram }: TopologyContext): readonly Issue[] {
  return reported((report) => {
    for (const [index, program] of raw.needs.entries())
      if (hasProgram?.(program) === false)
        report(["needs", index], `${program} is not installed, or not in PATH: nothing will be built`);
  });
}

/** Issues of filters; one that names a node is understood only in the lab. */
export function checkFilters({ checks, names }: Scope, { filterProblem }: TopologyContext): readonly Issue[] {
  return reported((report) => {
    for (const [index, check] of checks) {
      if (!("captured" in check) || check.filter === "") continue;
      const words = check.filter.split(/\W+/);
      const problem = names.some(({ name }) => words.includes(name))
        ? undefined
        : filterProblem?.(check.filter);
      if (problem !== undefined) report(["checks", index, "filter"], problem);
    }
  });
}

/** Issues of files. */
export function checkFiles(
  { raw, value, topology }: Scope,
  { exists, fileProblem }: TopologyContext,
): readonly Issue[] {
  const folder = dirname(topology.file);
  return reported((report) => {
    const check = (path: KeyPath, file: string | undefined): void => {
      if (file === undefined) return;
      const whole = resolve(folder, file);
      if (!exists(whole)) report(path, `there is no file ${whole}; a relative path counts from ${folder}`);
      const problem = fileProblem(whole);
      if (problem !== undefined) report(path, `${problem}: nothing is read from it`);
    };
    for (const section of ["routers", "hosts", "lcces"] as const)
      for (const [name, { run }] of Object.entries(raw[section]))
        check([section, name, "run"], scriptOf(run));
    for (const [name, { frr }] of Object.entries(raw.routers)) check(["routers", name, "frr"], frr);
    for (const lcce of topology.lcces) {
      if (lcce.wirespan?.kind !== "file") continue;
      const path = ["lcces", lcce.name, "wirespan", "files"];
      for (const [name, file] of Object.entries(lcce.wirespan.files)) {
        if (file !== SECRET_FILE) check([...path, name], file);
        else if (topology.secret === undefined)
          report([...path, name], `${file} is made of \`secret:\` at the top of the file, which is missing`);
      }
      checkPortNames(lcce.name, lcce.wirespan.ports, raw, report);
    }
    check(["exercise", "task"], raw.exercise?.task);
    for (const [index, key] of (raw.exercise?.hide ?? []).entries())
      if (!isIn(value, key)) report(["exercise", "hide", index], `there is no key ${key} in this file`);
    for (const key of Object.keys(raw.exercise?.break ?? {}))
      if (!isIn(value, key))
        report(["exercise", "break", key], `there is no key ${key} in this file`, "at key");
  });
}

/** The script of a command line that begins with a path; undefined for a program of the machine. */
function scriptOf(run: string | undefined): string | undefined {
  const [first = ""] = run?.trim().split(/\s+/) ?? [];
  return /^\.{0,2}\//.test(first) && !/[$`"'\\;|&]/.test(first) ? first : undefined;
}

/** Ports that names of the user's own file are mapped to. */
function checkPortNames(
  name: string,
  ports: Readonly<Record<string, string>>,
  raw: Scope["raw"],
  report: Report,
): void {
  const { lan, wan = {} } = raw.lcces[name] ?? {};
  const lans = typeof lan === "string" ? ["trunk"] : Object.keys(lan ?? {});
  const there = [...lans, ...Object.keys(wan)];
  const path = ["lcces", name, "wirespan", "ports"];
  for (const [own, port] of Object.entries(ports))
    if (!there.includes(port))
      report([...path, own], `${name} has no port ${port}; there are ${there.join(", ")}`);
}

function isIn(file: unknown, key: string): boolean {
  let value = file;
  for (const step of keysOfPath(key)) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return false;
    value = (value as Readonly<Record<string, unknown>>)[step];
  }
  return true;
}
