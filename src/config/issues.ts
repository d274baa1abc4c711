/** A problem of a configuration at the path of a key, without its location in a file. */
export interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** Whether the issue is about the key itself, and not about its value. */
  readonly atKey?: boolean;
  /** Paths of further keys that it is about: where one of them is wrong itself, it may only follow. */
  readonly of?: readonly (readonly PropertyKey[])[];
  /**
   * Whether a value is one that another owner has: told of the owner, also where it comes from `defaults`.
   */
  readonly isClash?: boolean;
  /** Path of the other one of two that clash; its place is told where it is in another file. */
  readonly other?: readonly PropertyKey[];
  /** Path of the key that an unknown one is most like. */
  readonly meant?: readonly PropertyKey[];
}

/** Takes an issue: its path, its message, and the paths of further keys that it is about. */
export type ReportIssue = (
  path: readonly PropertyKey[],
  message: string,
  of?: readonly (readonly PropertyKey[])[],
) => void;

/** Takes a clash of two owners: where it is, its message, what it is about too, and the other owner. */
export type ReportClash = (
  path: readonly PropertyKey[],
  message: string,
  more?: Pick<Issue, "of" | "other">,
) => void;
