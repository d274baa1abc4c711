import { useState } from "preact/hooks";
import { counted } from "../src/bytes/counted.ts";
import { durationText } from "../src/bytes/duration.ts";
import { escapedText } from "../src/bytes/printable-text.ts";
import type { StatusReport } from "../src/daemon/status.ts";
import type { Connection } from "./connection.ts";
import { type Health, liveHealth, type Problem } from "./status-view.ts";

/** The line at the top, and what is not as it should be. */

/** Problems that are shown before one asks for more. */
const MOST_SHOWN = 6;

export function Overview({
  connection,
  status,
}: {
  readonly connection: Connection;
  readonly status: StatusReport;
}) {
  const { live, lostMs, statusMs } = connection;
  const uptimeMs = live.reading?.uptimeMs ?? status.uptimeMs + Date.now() - statusMs;
  const tunnels = status.controlConnections.map((one) => liveHealth(one, live.isTunnelUp(one.tunnel)));
  const pseudowires = status.pseudowires.map((one) => liveHealth(one, live.row(one.name)?.isUp));
  return (
    <header>
      <h1>
        <span class="brand">Wirespan</span> <b>{escapedText(status.hostName)}</b>
      </h1>
      <Fact name="router ID" value={status.routerId} />
      <Fact name="version" value={status.version} />
      <Fact name="up" value={durationText(uptimeMs)} />
      <Fact name="plane" value={status.plane.name} title={status.plane.reason} />
      <Tally noun="tunnel" all={tunnels} />
      <Tally noun="pseudowire" all={pseudowires} />
      <span class={`pill ${lostMs === undefined ? "good" : "bad"}`} role="status">
        {lostMs === undefined
          ? "live"
          : `no connection to the daemon since ${new Date(lostMs).toLocaleTimeString("en-GB")}; trying again`}
      </span>
    </header>
  );
}

function Fact({
  name,
  value,
  title,
}: {
  readonly name: string;
  readonly value: string;
  readonly title?: string;
}) {
  return (
    <span class="fact" title={title}>
      <span class="name">{name}</span> {escapedText(value)}
    </span>
  );
}

/** "3 of 4 tunnels up", without those that are closed on purpose. */
function Tally({ noun, all }: { readonly noun: string; readonly all: readonly Health[] }) {
  const wanted = all.filter((health) => health !== "closed");
  const up = wanted.filter((health) => health === "up").length;
  const tone = up === wanted.length ? "good-text" : "bad-text";
  return (
    <span class="fact">
      <b class={tone}>{up}</b> of {counted(wanted.length, noun)} up
    </span>
  );
}

interface ProblemsProps {
  readonly title: string;
  readonly tone: "bad" | "warn";
  readonly problems: readonly Problem[];
  readonly choose: Readonly<Record<"tunnel" | "pseudowire", (name: string) => void>>;
}

export function Problems({ title, tone, problems, choose }: ProblemsProps) {
  const [isWhole, setWhole] = useState(false);
  if (problems.length === 0) return null;
  const shown = isWhole ? problems : problems.slice(0, MOST_SHOWN);
  return (
    <section class={`card ${tone}`} aria-label={title}>
      <h2>
        {title} <span class="count">{problems.length}</span>
      </h2>
      <ul>
        {shown.map(({ kind, name, text, forMs }) => (
          <li key={`${kind} ${name} ${text}`}>
            <span class="kind">{kind}</span>
            {kind === "tunnel" || kind === "pseudowire" ? (
              <button type="button" class="link" onClick={() => choose[kind](name)}>
                {escapedText(name)}
              </button>
            ) : (
              <b>{escapedText(name)}</b>
            )}
            <span class="why">{escapedText(text)}</span>
            {forMs !== undefined && (
              <span class="since">
                {durationText(forMs)}
                {kind === "unknown peer" ? " ago" : ""}
              </span>
            )}
          </li>
        ))}
      </ul>
      {problems.length > MOST_SHOWN && (
        <button type="button" class="link more" onClick={() => setWhole(!isWhole)}>
          {isWhole ? "fewer" : `all ${problems.length}`}
        </button>
      )}
    </section>
  );
}

const words: Readonly<Record<Health, string>> = { up: "up", down: "down", closed: "closed" };

/** A mark with a word, so that colour is not all that tells. */
export function State({ health, state }: { readonly health: Health; readonly state?: string }) {
  return (
    <span class={`state ${health}`} title={state}>
      {words[health]}
    </span>
  );
}
