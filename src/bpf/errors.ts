/**
 * A mistake in a program's source: an operand out of range, a label that is missing or defined twice, a path
 * without an end.
 */
export class AssemblyError extends Error {
  override readonly name = "AssemblyError";
}
