/** The state of a running lab, as far as a picture shows it. */
export interface LabState {
  /** By the names of nodes: whether the program of each runs, has ended, or waits to be started by hand. */
  readonly nodes: Readonly<Record<string, "up" | "ended" | "manual">>;
  /** Pseudowires as their LCCEs tell of them; without `whyNot`, it is established and its circuits are up. */
  readonly pseudowires: readonly {
    readonly lcce: string;
    readonly name: string;
    readonly whyNot?: string | undefined;
  }[];
  /** Links that are down or have conditions, by NODE.PORT. */
  readonly links: Readonly<Record<string, { readonly down: boolean; readonly conditions: string }>>;
}
