import type { CheckKind, CheckOf } from "../format/check-keys.ts";
import { expectationText } from "./expectation.ts";

/** TABLE: what each kind of check shows, as a sentence made of its keys. */
export const checkTitles: { readonly [Kind in CheckKind]: (check: CheckOf<Kind>) => string } = {
  ping: ({ ping: [from, to] }) => `${from} and ${to} reach each other, with full-size packets too`,
  apart: ({ apart: [from, to] }) => `nothing crosses between ${from} and ${to}`,
  multicast: ({ multicast: [from, to] }) => `a multicast stream from ${from} arrives at ${to}`,
  tagged: ({ tagged: [from, to] }) => `a tagged frame from ${from} arrives at ${to} with its tags`,
  frames: ({ frames: [from, to] }) => `special frames pass between ${from} and ${to} octet for octet`,
  bulk: ({ bulk: [from, to], octets }) => `${octets} by TCP from ${from} arrive unchanged at ${to}`,
  run: ({ run: [node, ...words] }) => `${words.join(" ")} at ${node}`,
  status: ({ status: [node, path], expect }) => `${path} at ${node} is ${expectationText(expect)}`,
  counter: ({ counter: [node, name], expect }) => `${name} at ${node} is ${expectationText(expect)}`,
  failover: (check) => `${failureText(check)}: ${check.between.join(" and ")} miss less than ${check.under}`,
  throughput: ({ throughput: [from, to], at_least: least, at_most: most }) =>
    `TCP from ${from} to ${to}${rateLimits(least, most)}`,
  captured: ({ captured, filter }) => `${filter === "" ? "packets" : filter} at ${captured}`,
};

function failureText({ failover }: CheckOf<"failover">): string {
  if ("kill" in failover) return `the daemon of ${failover.kill} is killed`;
  if ("forget" in failover) return `the NAT of ${failover.forget} forgets its flows`;
  if ("run" in failover) return `${failover.run.slice(1).join(" ")} at ${failover.run[0]}`;
  return "stop" in failover ? `${failover.stop} is stopped` : `link ${failover.down} goes down`;
}

function rateLimits(least: string | undefined, most: string | undefined): string {
  const parts = [least && `at least ${least}`, most && `at most ${most}`].filter(
    (part) => part !== undefined,
  );
  return parts.length === 0 ? " passes" : `: ${parts.join(" and ")}`;
}
