import type { RawSecret } from "./value-schemas.ts";

/**
 * Where a shared secret comes from; its value is read when the daemon starts or reloads, and never printed.
 */
export type SecretSource =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "credential"; readonly name: string }
  | { readonly kind: "environment"; readonly variable: string };

/** The source that a checked value of the file names. */
export function secretSourceOf(raw: RawSecret): SecretSource {
  if (raw.file !== undefined) return { kind: "file", path: raw.file };
  if (raw.credential !== undefined) return { kind: "credential", name: raw.credential };
  return { kind: "environment", variable: raw.env as string };
}

/** A source as the file has it. */
export function secretText(source: SecretSource): string {
  if (source.kind === "file") return `{ file: ${source.path} }`;
  return source.kind === "credential" ? `{ credential: ${source.name} }` : `{ env: ${source.variable} }`;
}
