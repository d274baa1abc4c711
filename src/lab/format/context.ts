/** What the reader of a topology asks the machine. */
export interface TopologyContext {
  /** The text of a file, or why it cannot be read; the path is absolute. */
  readonly readFile: (path: string) => { readonly text: string } | { readonly problem: string };
  readonly exists: (path: string) => boolean;
  /** What is wrong with a filter of tcpdump, if that can be told. */
  readonly filterProblem?: (filter: string) => string | undefined;
  /** Whether a program is installed. */
  readonly hasProgram?: (name: string) => boolean;
  /** What keeps a file that is there from being read; undefined where nothing does. */
  readonly fileProblem: (path: string) => string | undefined;
}
