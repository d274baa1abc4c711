/** A program that was written wrongly: an operand out of range, a label that is missing or twice there, a path without an end. */
export class AssemblyError extends Error {
  override readonly name = "AssemblyError";
}
