import { resolve } from "node:path";

/** What a test of a lab prints and writes besides its results as text. */
export interface ResultOptions {
  /** Numbers of the checks that are made, from 1; undefined: all. */
  readonly only?: readonly number[] | undefined;
  /** Print a JSON document instead of text. */
  readonly json?: boolean | undefined;
  /** Print the status of each daemon also where everything passed. */
  readonly verbose?: boolean | undefined;
  /** Path of a file for the results as JUnit XML. */
  readonly junit?: string | undefined;
  /** Path of a file for a report as HTML. */
  readonly report?: string | undefined;
  /** Folder for the capture files of the topology; default: that of the report. */
  readonly captures?: string | undefined;
}

/** Options whose values are paths. */
const fileOptions = ["junit", "report", "captures"] as const;

/** The options as words of the command that is run inside the lab; paths become absolute. */
export function resultWords({ only, json, verbose, ...files }: ResultOptions): readonly string[] {
  const paths = fileOptions.flatMap((name) => {
    const path = files[name];
    return path === undefined ? [] : [`--${name}`, resolve(path)];
  });
  return [
    ...(only === undefined ? [] : ["--only", only.join(",")]),
    ...(json === true ? ["--json"] : []),
    ...(verbose === true ? ["--verbose"] : []),
    ...paths,
  ];
}
