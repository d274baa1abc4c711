/** What a verifier that traces, and our disassembler, write of each slot, without what they know besides. */
export type SlotTexts = readonly (readonly [slot: string, text: string])[];

/** From the log of a trace: each slot once, in the order in which it was first looked at. */
export function tracedTexts(log: string): SlotTexts {
  const texts = log.split("\n").flatMap((line) => {
    const [, slot, text] = /^(\d+): (\([0-9a-f]{2}\) [^;]*?)\s*(?:;.*)?$/.exec(line) ?? [];
    return slot === undefined || text === undefined ? [] : [[slot, text] as const];
  });
  return [...new Map(texts)];
}

/** From the lines of a disassembly. */
export function listedTexts(lines: readonly string[]): SlotTexts {
  return lines.flatMap((line) => {
    const [, slot, text] = /^ *(\d+): (.*?)(?: <[\w.-]+>)?$/.exec(line) ?? [];
    return slot === undefined || text === undefined ? [] : [[slot, text] as const];
  });
}
