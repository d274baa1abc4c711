/** A file that an export writes. */
export interface ExportedFile {
  /** From the folder of the export. */
  readonly path: string;
  readonly text: string;
  /** Of secrets 0600, of scripts 0755. */
  readonly mode: number;
}

/** An ordinary file. */
export function plainFile(path: string, text: string): ExportedFile {
  return { path, text, mode: 0o644 };
}

/** A script. */
export function scriptFile(path: string, text: string): ExportedFile {
  return { path, text, mode: 0o755 };
}

/** A file that only its owner may read. */
export function secretFile(path: string, text: string): ExportedFile {
  return { path, text, mode: 0o600 };
}
