import type { LabOptions } from "./inside.ts";

/** The options as words of the command that is run inside the lab. */
export function optionWords({ plane, timeout }: LabOptions): readonly string[] {
  return [
    ...(plane === undefined ? [] : ["--plane", plane]),
    ...(timeout === undefined ? [] : ["--timeout", `${timeout}`]),
  ];
}
