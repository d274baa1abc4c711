import { expect, test } from "vitest";
import { InvariantError } from "../../src/bytes/errors.ts";
import { controlConnectionTable } from "../../src/control/control-connection-table.ts";
import { pathMtuTable } from "../../src/control/path-mtu-table.ts";
import { sessionTable } from "../../src/control/session-table.ts";
import {
  type AnyStateTable,
  type NoData,
  tableOf,
  transitionFor,
  type Why,
} from "../../src/control/state-table.ts";

/** Every row of a table as a line of text; a `*` marks what the RFC's own table does not have. */
function printed(table: AnyStateTable): string {
  const lines = Object.entries(table).flatMap(([state, row]) =>
    Object.entries(row).map(([event, cell]) => {
      const { to, actions, why } = cell ?? { to: "", actions: [] };
      const mark = why === undefined ? " " : "*";
      return `${state.padEnd(14)} ${event.padEnd(17)} ${mark} ${to.padEnd(14)} ${actions.join(", ")}`;
    }),
  );
  return `\n${lines.join("\n")}\n`;
}

function reachable(table: AnyStateTable): ReadonlySet<string> {
  const seen = new Set(["idle"]);
  for (const state of seen) {
    for (const cell of Object.values(table[state] ?? {})) if (cell !== undefined) seen.add(cell.to);
  }
  return seen;
}

test("RFC 3931 §7.2: the control connection table, as checked against the RFC", () => {
  expect(printed(controlConnectionTable)).toMatchInlineSnapshot(`
    "
    idle           open                wait-ctl-reply send-sccrq
    idle           sccrq               wait-ctl-conn  learn-peer, send-sccrp
    idle           sccrp             * idle           learn-peer
    idle           sccrp-bad         * idle           learn-peer
    idle           scccn             * idle           ignore
    idle           scccn-bad         * idle           ignore
    idle           stopccn             idle           linger
    idle           hello             * idle           ignore
    idle           hello-bad         * idle           ignore
    idle           session-message   * idle           ignore
    idle           unknown-mandatory * idle           ignore
    idle           close             * idle           ignore
    idle           retire            * idle           ignore
    idle           timeout           * idle           ignore
    idle           lost              * idle           forget
    wait-ctl-reply tie-lost          * wait-ctl-reply postpone-sccrq
    wait-ctl-reply tie-equal           idle           forget, clean-up
    wait-ctl-reply sccrq             * idle           send-stopccn, clean-up
    wait-ctl-reply sccrp               established    learn-peer, send-scccn, open-sessions
    wait-ctl-reply sccrp-bad           idle           learn-peer, send-stopccn, clean-up
    wait-ctl-reply scccn               idle           send-stopccn, clean-up
    wait-ctl-reply scccn-bad           idle           send-stopccn, clean-up
    wait-ctl-reply stopccn             idle           linger, clean-up
    wait-ctl-reply hello             * idle           send-stopccn, clean-up
    wait-ctl-reply hello-bad         * idle           send-stopccn, clean-up
    wait-ctl-reply session-message   * idle           send-stopccn, clean-up
    wait-ctl-reply unknown-mandatory   idle           send-stopccn, clean-up
    wait-ctl-reply close             * idle           send-stopccn, clean-up
    wait-ctl-reply retire            * idle           forget, clean-up
    wait-ctl-reply timeout           * idle           send-stopccn, clean-up
    wait-ctl-reply lost              * idle           forget, clean-up
    wait-ctl-conn  sccrq               idle           send-stopccn, clean-up
    wait-ctl-conn  sccrp               idle           send-stopccn, clean-up
    wait-ctl-conn  sccrp-bad           idle           send-stopccn, clean-up
    wait-ctl-conn  scccn               established    open-sessions
    wait-ctl-conn  scccn-bad           idle           send-stopccn, clean-up
    wait-ctl-conn  stopccn             idle           linger, clean-up
    wait-ctl-conn  hello             * wait-ctl-conn  ignore
    wait-ctl-conn  hello-bad         * idle           send-stopccn, clean-up
    wait-ctl-conn  session-message   * idle           send-stopccn, clean-up
    wait-ctl-conn  unknown-mandatory   idle           send-stopccn, clean-up
    wait-ctl-conn  close             * idle           send-stopccn, clean-up
    wait-ctl-conn  retire            * idle           forget, clean-up
    wait-ctl-conn  timeout           * idle           send-stopccn, clean-up
    wait-ctl-conn  lost              * idle           forget, clean-up
    established    sccrq               idle           send-stopccn, clean-up
    established    sccrp               idle           send-stopccn, clean-up
    established    sccrp-bad           idle           send-stopccn, clean-up
    established    scccn               idle           send-stopccn, clean-up
    established    scccn-bad           idle           send-stopccn, clean-up
    established    stopccn             idle           linger, clean-up
    established    hello             * established    ignore
    established    hello-bad           idle           send-stopccn, clean-up
    established    session-message   * established    deliver-to-session
    established    unknown-mandatory   idle           send-stopccn, clean-up
    established    close               idle           disconnect-sessions, send-stopccn, clean-up
    established    retire            * idle           forget, clean-up
    established    lost              * idle           forget, clean-up
    "
  `);
});

test("RFC 8899 §5.2: the table of a path MTU search, as checked against the RFC", () => {
  expect(printed(pathMtuTable)).toMatchInlineSnapshot(`
    "
    disabled       reachable           base           begin
    disabled       unreachable         disabled       ignore
    disabled       restart             disabled       ignore
    disabled       remembered        * search-complete resume
    disabled       more                disabled       ignore
    disabled       reported            disabled       ignore
    disabled       report-ended        disabled       ignore
    base           unreachable         disabled       stop
    base           restart             base           begin
    base           remembered        * search-complete resume
    base           more                base           ignore
    base           acknowledged        searching      take, search
    base           acknowledged-last   search-complete take, settle
    base           refused             error          give-up
    base           refused-last        error          give-up
    base           unanswered        * error          give-up
    base           reported          * base           ignore
    base           report-ended        base           ignore
    searching      unreachable         disabled       stop
    searching      restart             base           begin
    searching      remembered        * search-complete resume
    searching      more                searching      raise
    searching      acknowledged        searching      take, search
    searching      acknowledged-last   search-complete take, settle
    searching      refused             searching      search
    searching      refused-last        search-complete settle
    searching      unanswered        * error          give-up
    searching      reported          * searching      ignore
    searching      report-ended      * searching      raise
    search-complete unreachable         disabled       stop
    search-complete restart             base           begin
    search-complete remembered        * search-complete resume
    search-complete more                searching      raise
    search-complete acknowledged        search-complete settle
    search-complete acknowledged-last   search-complete settle
    search-complete refused             base           fall
    search-complete refused-last        base           fall
    search-complete unanswered        * search-complete keep
    search-complete unanswered-reported * error          disbelieve, give-up
    search-complete reported          * search-complete confirm
    search-complete report-ended      * searching      raise
    search-complete again               searching      raise
    search-complete unconfirmed         search-complete confirm
    error          unreachable         disabled       stop
    error          restart             base           begin
    error          remembered        * search-complete resume
    error          more                error          ignore
    error          acknowledged        searching      take, search
    error          acknowledged-last   search-complete take, settle
    error          refused             error          give-up
    error          refused-last        error          give-up
    error          unanswered        * error          give-up
    error          reported          * error          reconsider
    error          report-ended      * error          reconsider
    error          again             * error          begin
    "
  `);
});

test("RFC 3931 §7.3: the session table, as checked against §7.3.1 and §7.3.2", () => {
  expect(printed(sessionTable)).toMatchInlineSnapshot(`
    "
    idle           open                wait-reply     send-icrq
    idle           icrq                wait-connect   learn-peer, send-icrp
    wait-reply     icrq-again          idle           send-cdn, clean-up
    wait-reply     icrq-lost         * idle           clean-up
    wait-reply     icrq-equal        * idle           clean-up
    wait-reply     icrp                established    learn-peer, start-forwarding, send-iccn
    wait-reply     icrp-bad            idle           send-cdn, clean-up
    wait-reply     iccn                idle           clean-up
    wait-reply     iccn-bad            idle           clean-up
    wait-reply     cdn                 idle           clean-up
    wait-reply     sli               * wait-reply     learn-status
    wait-reply     sli-bad           * idle           send-cdn, clean-up
    wait-reply     wen               * wait-reply     ignore
    wait-reply     wen-bad           * idle           send-cdn, clean-up
    wait-reply     outgoing          * idle           send-cdn, clean-up
    wait-reply     close               idle           send-cdn, clean-up
    wait-reply     circuit-status    * wait-reply     ignore
    wait-reply     timeout           * idle           send-cdn, clean-up
    wait-reply     connection-lost   * idle           clean-up
    wait-connect   icrq-again          idle           send-cdn, clean-up
    wait-connect   icrp                idle           send-cdn, clean-up
    wait-connect   icrp-bad            idle           send-cdn, clean-up
    wait-connect   iccn                established    learn-peer, start-forwarding, send-sli
    wait-connect   iccn-bad            idle           send-cdn, clean-up
    wait-connect   cdn                 idle           clean-up
    wait-connect   sli               * wait-connect   learn-status
    wait-connect   sli-bad           * idle           send-cdn, clean-up
    wait-connect   wen               * wait-connect   ignore
    wait-connect   wen-bad           * idle           send-cdn, clean-up
    wait-connect   outgoing          * idle           send-cdn, clean-up
    wait-connect   close               idle           send-cdn, clean-up
    wait-connect   circuit-status    * wait-connect   ignore
    wait-connect   timeout           * idle           send-cdn, clean-up
    wait-connect   connection-lost   * idle           clean-up
    established    icrq-again          idle           send-cdn, clean-up
    established    icrp                idle           send-cdn, clean-up
    established    icrp-bad            idle           send-cdn, clean-up
    established    iccn                idle           send-cdn, clean-up
    established    iccn-bad            idle           send-cdn, clean-up
    established    cdn                 idle           clean-up
    established    sli               * established    learn-status
    established    sli-bad           * idle           send-cdn, clean-up
    established    wen               * established    ignore
    established    wen-bad           * idle           send-cdn, clean-up
    established    outgoing          * idle           send-cdn, clean-up
    established    close               idle           send-cdn, clean-up
    established    circuit-status    * established    send-sli
    established    channel-status    * established    learn-channel, send-sli
    established    forwarding-failed * idle           send-cdn, clean-up
    established    connection-lost   * idle           clean-up
    "
  `);
});

test.each([
  ["control connection", controlConnectionTable as AnyStateTable],
  ["session", sessionTable as AnyStateTable],
])("RFC 3931 §7: every state of the %s table is reached, and left for idle by every end", (_name, table) => {
  expect([...reachable(table)].sort()).toEqual(Object.keys(table).sort());
  for (const [state, row] of Object.entries(table)) {
    for (const event of ["stopccn", "close", "lost", "cdn", "connection-lost"]) {
      const cell = row[event];
      if (cell !== undefined) expect(cell.to, `${event} in ${state}`).toBe("idle");
    }
    for (const cell of Object.values(row)) {
      const ends = cell !== undefined && cell.to === "idle" && state !== "idle";
      if (ends) expect(cell.actions).toContain("clean-up");
    }
  }
});

test("a pair that no row has is our own mistake and never passes silently", () => {
  expect(() => transitionFor(sessionTable, "idle", "iccn")).toThrow(InvariantError);
});

test("an event without a row in any state, and a row for no event, do not compile", () => {
  const table = tableOf<"idle", { open: NoData; close: Why }, { act: NoData; tell: Why }>();
  const row = { to: "idle", actions: ["act"] } as const;
  const whole = { idle: { open: row, close: { to: "idle", actions: ["tell"] } } } as const;
  expect(table(whole)).toBe(whole);
  // @ts-expect-error: no row for close
  table({ idle: { open: row } });
  // @ts-expect-error: there is no event reopen
  table({ idle: { open: row, close: row, reopen: row } });
  // @ts-expect-error: tell takes the data of close
  table({ idle: { open: { to: "idle", actions: ["tell"] }, close: row } });
});
