import { rateWithUnit } from "../src/bytes/quantities.ts";
import { controlDiscards } from "../src/control/control-discards.ts";
import type { StatusReport } from "../src/daemon/status.ts";
import { discardReasons } from "../src/forwarding/discard-reasons.ts";
import type { LiveModel } from "./live-model.ts";
import { countText } from "./text.ts";

const meanings = new Map<string, string>([
  ...Object.entries(controlDiscards).map(([name, help]) => [`control ${name}`, help] as const),
  ...discardReasons.map(({ name, help }) => [name, help] as const),
]);

/** What a reason means. */
export function meaningOf(reason: string): string {
  return meanings.get(reason) ?? "";
}

/** What was discarded, by reason, the most first. */
export function Discards({ status, live }: { readonly status: StatusReport; readonly live: LiveModel }) {
  const counts = Object.entries(live.reading?.discards ?? status.discards);
  const ofControl = Object.entries(status.control).map(
    ([reason, count]) => [`control ${reason}`, count] as const,
  );
  const rows = [...counts, ...ofControl].filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a);
  return (
    <section class="card" aria-label="Discards by reason">
      <h2>Discards by reason</h2>
      {rows.length === 0 && <p class="note">nothing was discarded</p>}
      <dl class="discards">
        {rows.map(([reason, count]) => {
          const rate = live.discardRates.get(reason);
          return (
            <div key={reason} class={rate === undefined ? "" : "rising"}>
              <dt>
                {reason}
                {rate !== undefined && <span class="rate">+{rateWithUnit(rate, "/s")}</span>}
                <span class="number">{countText(count)}</span>
              </dt>
              <dd>{meaningOf(reason).replaceAll("`", "")}</dd>
            </div>
          );
        })}
      </dl>
    </section>
  );
}
