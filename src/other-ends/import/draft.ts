import { printableExcerpt } from "../../bytes/printable-text.ts";
import { nameRule } from "../../config/value-schemas.ts";
import type { WrittenKeys } from "../written-keys.ts";

/** A configuration that is put together of what another program's says. */

/** Something that was not taken over. */
export interface Loss {
  /** Line of the text that was read, from 1; 0 for the whole of it. */
  readonly line: number;
  /** What stands there, as one printable line; a secret is left out. */
  readonly what: string;
  readonly why: string;
  /** Whether the tunnel cannot work without it. */
  readonly isEssential: boolean;
}

/** A tunnel of the draft. */
export interface DraftTunnel {
  readonly name: string;
  readonly keys: WrittenKeys;
  readonly pseudowires: Map<string, WrittenKeys>;
}

/** Most things of a kind: tunnels with their pseudowires, and lines that were not taken over. */
const MOST_PARTS = 10_000;
const MOST_LOSSES = 2000;
const MOST_NAME = 63;
const MOST_DEVICE_NAME = 15;

/** The parts of a file as they are found, and what was not taken over. */
export class Draft {
  readonly lcce: WrittenKeys = {};
  readonly losses: Loss[] = [];
  /** What was chosen where the text does not say it, for the comment of the file. */
  readonly choices = new Set<string>();
  readonly #tunnels = new Map<string, DraftTunnel>();
  readonly #pseudowires = new Set<string>();
  #lost = 0;

  get tunnels(): readonly DraftTunnel[] {
    return [...this.#tunnels.values()];
  }

  /** A tunnel of this name; a new one where there is none, undefined where there are too many. */
  tunnel(wanted: string): DraftTunnel | undefined {
    const name = validName(wanted, "tunnel");
    const known = this.#tunnels.get(name);
    if (known !== undefined) return known;
    if (this.#tunnels.size >= MOST_PARTS) return undefined;
    const made = { name, keys: {}, pseudowires: new Map<string, WrittenKeys>() };
    this.#tunnels.set(name, made);
    return made;
  }

  /** Adds a pseudowire, by a name that no other has. */
  pseudowire(tunnel: DraftTunnel, wanted: string, keys: WrittenKeys): void {
    if (this.#pseudowires.size >= MOST_PARTS) return this.lose(0, wanted, "too many pseudowires", true);
    const first = validName(wanted, "pseudowire");
    let name = first;
    for (let count = 2; this.#pseudowires.has(name); count += 1)
      name = `${first.slice(0, MOST_NAME - 6)}-${count}`;
    this.#pseudowires.add(name);
    tunnel.pseudowires.set(name, keys);
  }

  /** Notes a line that is not taken over; beyond some thousands they are only counted. */
  lose(line: number, what: string, why: string, isEssential = false): void {
    this.#lost += 1;
    if (this.#lost <= MOST_LOSSES) this.losses.push({ line, what: printableExcerpt(what), why, isEssential });
    else if (isEssential || this.#lost === MOST_LOSSES + 1)
      this.losses[MOST_LOSSES] = {
        line,
        what: "",
        why: "more than this is not taken over, and not listed",
        isEssential: isEssential || this.losses[MOST_LOSSES]?.isEssential === true,
      };
  }
}

/** A name that the file takes: other characters become dashes. */
function validName(wanted: string, otherwise: string): string {
  const name = wanted
    .replace(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, MOST_NAME);
  return nameRule.safeParse(name).success ? name : otherwise;
}

/** A name for a TAP device: as it was, where the kernel takes it. */
export function deviceNameOf(wanted: string, otherwise: string): string {
  return /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(wanted) && wanted.length <= MOST_DEVICE_NAME
    ? wanted
    : otherwise;
}

/** A whole number in decimal or with 0x; undefined for anything else. */
export function numberIn(text: string | undefined): number | undefined {
  if (text === undefined || !/^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text)) return undefined;
  const number = Number(text);
  return number <= 0xffff_ffff ? number : undefined;
}
