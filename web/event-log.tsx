import { useState } from "preact/hooks";
import { escapedText } from "../src/bytes/printable-text.ts";
import type { LogEvent } from "./connection.ts";

/** Lines that are drawn. */
const MOST_SHOWN = 100;

const levels = ["all levels", "warnings and errors"] as const;
const grave: ReadonlySet<string> = new Set(["warn", "error", "fatal"]);

export function EventLog({
  events,
  tunnels,
}: {
  readonly events: readonly LogEvent[];
  readonly tunnels: readonly string[];
}) {
  const [level, setLevel] = useState<string>(levels[0]);
  const [tunnel, setTunnel] = useState("");
  const shown = events
    .filter((event) => level === levels[0] || grave.has(event.level))
    .filter((event) => tunnel === "" || event.tunnel === tunnel)
    .slice(-MOST_SHOWN)
    .reverse();
  return (
    <section class="card" aria-label="Events">
      <div class="bar">
        <h2>Events</h2>
        <select
          aria-label="Level"
          value={level}
          onChange={({ currentTarget }) => setLevel(currentTarget.value)}
        >
          {levels.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        <select
          aria-label="Tunnel"
          value={tunnel}
          onChange={({ currentTarget }) => setTunnel(currentTarget.value)}
        >
          <option value="">all tunnels</option>
          {tunnels.map((name) => (
            <option key={name} value={name}>
              {escapedText(name)}
            </option>
          ))}
        </select>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls it */}
      <div class="log" role="log" aria-label="Events, the last one first" tabIndex={0}>
        {shown.length === 0 && <p class="note">no events</p>}
        {shown.map(({ id, time, level: grade, text }) => (
          <div key={id} class={grade}>
            <time dateTime={time} title={time}>
              {new Date(time).toLocaleTimeString("en-GB")}
            </time>
            <span class="grade">{grade}</span>
            <span>{escapedText(text)}</span>
          </div>
        ))}
      </div>
    </section>
  );
}
