import { expect, test } from "vitest";
import { lcceRows, logRows, topRows } from "../../src/config/node-rows.ts";
import { circuitRows, pseudowireRows, staticRows } from "../../src/config/pseudowire-rows.ts";
import type { Row } from "../../src/config/rows.ts";
import { tunnelRows } from "../../src/config/tunnel-rows.ts";
import { limits } from "../../src/control/settings.ts";
import { followRules } from "../../src/control/static-follow.ts";
import { LEAST_TTL_S, MOST_TTL_S } from "../../src/daemon/peer-name.ts";
import { UDP_PORT_L2TP } from "../../src/wire/constants.ts";

/** The value of a key that is not in the file, in the units of the program. */
function defaultOf({ schema, value }: Row): number {
  return value(schema.parse(undefined), undefined) as number;
}

/** How long a control message is sent again before the peer is given up, with the default pauses. */
function retransmissionMs(): number {
  const { retransmit_initial_ms: initial, retransmit_cap_ms: cap, retransmit_limit: limit } = tunnelRows;
  const pauses = Array.from({ length: defaultOf(limit) + 1 }, (_, doubled) =>
    Math.min(defaultOf(initial) * 2 ** doubled, defaultOf(cap)),
  );
  return pauses.reduce((sum, pause) => sum + pause, 0);
}

/** The least value that a key takes, in steps of so many. */
function least({ schema }: Row, unit: number): number {
  let value = 0;
  while (!schema.safeParse(value).success) value += unit;
  return value;
}

const endId = pseudowireRows.remote_end_id.value(7, { name: "p" });
const { hello_interval_s: hello, silence_limit_s: silence } = tunnelRows;
const seconds = (ms: number) => `${ms / 1000} s`;

/** TABLE: figures in the help of keys, made from what the code does. */
const figures: Readonly<Record<string, readonly string[]>> = {
  local_port: [`default ${UDP_PORT_L2TP}`],
  remote_port: [`default ${UDP_PORT_L2TP}`],
  remote: [`after ${LEAST_TTL_S} s at the soonest and ${MOST_TTL_S} s at the latest`],
  role: [
    `no call came for ${seconds(limits.firstCallGraceMs)}`,
    `with \`responder\` for ${seconds(limits.responderGraceMs)}`,
  ],
  retransmit_cap_ms: [`the RFC wants ${seconds(least(tunnelRows.retransmit_cap_ms, 1000))}`],
  silence_limit_s: [
    `${seconds(defaultOf(hello) + defaultOf(silence))} by default`,
    `would make it ${seconds(defaultOf(hello) + retransmissionMs())}`,
  ],
  nat_keepalive_s: [`Default: ${limits.natKeepaliveMs / 1000} where`],
  follow: [`came from where it was for ${seconds(followRules.silenceMs)}`],
  remote_end_id: [`${endId.length} octets`],
};

/** Figures that no constant of the program has: properties of others. */
const ofOthers: Readonly<Record<string, readonly string[]>> = {
  // What Linux hands over by default (gso_max_size).
  gso: ["64 KiB"],
  // Mappings for UDP of routers at home, which RFC 4787 §4.3 asks to keep for two minutes.
  nat_keepalive_s: ["some after 30 s"],
  // All lengths of a cookie are in one place, the type of the AVP (RFC 3931 §5.4.4).
  receive_cookie: ["0, 4 or 8 octets"],
  follow: ["cookies of 8 octets"],
};

const helps = [lcceRows, logRows, topRows, tunnelRows, circuitRows, pseudowireRows, staticRows].flatMap(
  (rows) => Object.entries(rows).map(([key, { help }]) => ({ key, help })),
);

test.each(Object.entries(figures))("the help of %s says what the code does", (key, phrases) => {
  const help = helps.find((one) => one.key === key)?.help;
  for (const phrase of phrases) expect(help).toContain(phrase);
});

test("no help has a figure with a unit, or a port, that is not held", () => {
  const left = helps.flatMap(({ key, help }) => {
    const held = [...(figures[key] ?? []), ...(ofOthers[key] ?? [])];
    const rest = held.reduce((text, phrase) => text.replace(phrase, ""), help);
    const pattern = /\b\d+(?: (?:ms|s|min|octets?|[KMG]iB)\b|(?<=\d{4}))/g;
    const found: readonly string[] = rest.replace(/RFC \d+/g, "").match(pattern) ?? [];
    return found.map((figure) => `${key}: ${figure}`);
  });
  expect(left).toEqual([]);
});

test("the time for the peer's answer is that of the default retransmissions", () => {
  expect([limits.establishMs, limits.nextCallGraceMs]).toEqual([retransmissionMs(), retransmissionMs()]);
});
