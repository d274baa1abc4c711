import { readText } from "../os/files.ts";

/** The version of this package, as package.json beside src/ or dist/ says. */
export const version: string = JSON.parse(readText(new URL("../../package.json", import.meta.url))).version;
