/** Where a command writes, and how it sets the exit code. */
export interface Shell {
  out(text: string): void;
  error(text: string): void;
  exit(code: number): void;
}
