import type { DrawnPseudowire } from "./pseudowires.ts";
import type { PseudowireEnd } from "./tunnels.ts";

/** What is drawn as one thick line: a pseudowire, or all between two LCCEs where these are many. */
export interface Wire {
  readonly left: string;
  /** Undefined where nobody has the remote address. */
  readonly right: string | undefined;
  readonly label: string;
  readonly ends: readonly { readonly lcce: string; readonly name: string }[];
  readonly title: string;
}

/** More pseudowires than these between two LCCEs are one line. */
const MOST_LINES = 6;
/** More than these are only counted in its tooltip. */
const MOST_NAMES = 30;

/** The thick lines of a picture. */
export function wiresOf(pseudowires: readonly DrawnPseudowire[]): readonly Wire[] {
  const pairs = new Map<string, DrawnPseudowire[]>();
  for (const pseudowire of pseudowires) {
    const { left, peer } = pseudowire;
    const pair = [left.lcce, peer ?? left.remote].toSorted().join();
    pairs.set(pair, [...(pairs.get(pair) ?? []), pseudowire]);
  }
  return [...pairs.values()].flatMap((between) =>
    between.length > MOST_LINES ? [bundle(between)] : between.map(wireOf),
  );
}

function wireOf(pseudowire: DrawnPseudowire): Wire {
  const { left, peer, label } = pseudowire;
  return {
    left: left.lcce,
    right: peer,
    label: peer === undefined ? `${label} → ${left.remote}` : label,
    ends: endsOf(pseudowire),
    title: [`pseudowire ${label}`, ...endTitles(pseudowire)].join("\n"),
  };
}

function bundle(between: readonly DrawnPseudowire[]): Wire {
  const [first] = between;
  if (first === undefined) throw new Error("draw a bundle: it has no pseudowire");
  const told = between.slice(0, MOST_NAMES).map(({ label }) => label);
  const more = between.length > MOST_NAMES ? [`and ${between.length - MOST_NAMES} more`] : [];
  return {
    ...wireOf(first),
    label: `${between.length} pseudowires`,
    ends: between.flatMap(endsOf),
    title: [`${between.length} pseudowires`, ...told, ...more].join("\n"),
  };
}

function endsOf({ left, right }: DrawnPseudowire): Wire["ends"] {
  return [left, ...(right === undefined ? [] : [right])].map(({ lcce, name }) => ({ lcce, name }));
}

function endTitles({ left, right, peer }: DrawnPseudowire): readonly string[] {
  const over = left.encapsulation === "ip" ? "IP protocol 115" : "UDP";
  const told = (end: PseudowireEnd) =>
    `${end.lcce}: ${end.device}${end.vlan === undefined ? "" : ` VLAN ${end.vlan}`}, tunnel ${end.tunnel}`;
  const other =
    right !== undefined
      ? told(right)
      : peer === undefined
        ? `${left.remote} is nobody's address`
        : `${peer}: no such pseudowire is known there`;
  return [
    `${left.isStatic ? "static session" : "negotiated session"} over ${over}`,
    `${left.local} ↔ ${left.remote}`,
    told(left),
    other,
  ];
}
