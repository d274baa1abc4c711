import { counted } from "../../bytes/counted.ts";
import type { Ladder, LadderStep } from "./ladder.ts";
import { escaped } from "./markup.ts";
import type { ReportedNetwork } from "./report-data.ts";

/** Messages of a ladder that are shown. */
const MOST_STEPS = 120;

/** The control messages of each network: a ladder for each pair of addresses. */
export function networksHtml(networks: readonly ReportedNetwork[]): string {
  return networks.map(networkHtml).join("\n");
}

function networkHtml({ name, ladders, problem }: ReportedNetwork): string {
  const lines = [
    `<h3>${escaped(name)}</h3>`,
    problem === undefined ? "" : `<p class="warn">${escaped(problem)}</p>`,
    ladders.length === 0 && problem === undefined
      ? '<p class="faint">No control message crossed it.</p>'
      : "",
    ...ladders.map(ladderHtml),
  ];
  return lines.filter((line) => line !== "").join("\n");
}

function ladderHtml({ left, right, encapsulation, steps }: Ladder): string {
  const shown = steps.slice(0, MOST_STEPS);
  const more =
    shown.length === steps.length
      ? ""
      : `<p class="faint">${counted(steps.length - shown.length, "more message")}</p>`;
  const ends = `<div>${escaped(left)}</div><div>${escaped(right)}</div>`;
  const head = `<div class="ends"><div class="faint">${encapsulation}</div><div>${ends}</div></div>`;
  return `<div class="ladder">${head}${shown.map(stepHtml).join("")}${more}</div>`;
}

function stepHtml(step: LadderStep): string {
  const { atMs, fromLeft, message, ns, nr, avps, problem } = step;
  const numbers = `<span class="faint mono">Ns ${ns} Nr ${nr}</span>`;
  const arrow = `<span class="arrow ${fromLeft ? "right" : "left"}"></span>`;
  const list = avps.map((avp) => `<li>${escaped(avp)}</li>`).join("");
  const why = problem === undefined ? "" : `<p class="bad">${escaped(problem)}</p>`;
  const label = `<b>${escaped(message)}</b> ${numbers}${tagsHtml(step)}${arrow}`;
  const body = `<details><summary>${label}</summary>${why}<ul>${list}</ul></details>`;
  const time = `<div class="at">${(atMs / 1000).toFixed(3)} s</div>`;
  return `<div class="step${message === "ZLB" ? " zlb" : ""}">${time}${body}</div>`;
}

function tagsHtml({ isRetransmission, digest, problem }: LadderStep): string {
  const tags: (readonly [kind: string, text: string])[] = [];
  if (isRetransmission) tags.push(["warn", "again"]);
  if (digest === "right") tags.push(["good", "digest right"]);
  if (digest === "wrong") tags.push(["bad", "digest wrong"]);
  if (problem !== undefined) tags.push(["bad", "refused"]);
  return tags.map(([kind, text]) => `<span class="tag ${kind}">${text}</span>`).join("");
}
