import picocolors from "picocolors";

const isColoured = process.stdout.isTTY === true && picocolors.isColorSupported;

/**
 * Colours of what commands print, from picocolors. A terminal alone gets them: text that is read by programs
 * or kept in files stays plain, also where `CI` or `FORCE_COLOR` is set. `NO_COLOR` ends them there too.
 */
export const colours = picocolors.createColors(isColoured);
