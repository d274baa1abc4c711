import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { escapedText } from "../src/bytes/printable-text.ts";
import { rateWithUnit } from "../src/bytes/quantities.ts";
import { KEPT, type LiveModel } from "./live-model.ts";

/** Rates of the last two minutes, of one pseudowire or of all. */

const HEIGHT = 180;
const dark = matchMedia("(prefers-color-scheme: dark)");

/** A number that changes with the colours that the user prefers. */
function useScheme(): boolean {
  const [isDark, setDark] = useState(dark.matches);
  useEffect(() => {
    const hear = () => setDark(dark.matches);
    dark.addEventListener("change", hear);
    return () => dark.removeEventListener("change", hear);
  }, []);
  return isDark;
}

export function Chart({ live, name }: { readonly live: LiveModel; readonly name: string | undefined }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const isDark = useScheme();
  useEffect(() => {
    if (place.current === null) return;
    const made = newPlot(place.current);
    plot.current = made;
    const seen = new ResizeObserver(([entry]) =>
      made.setSize({ width: entry?.contentRect.width ?? 300, height: HEIGHT }),
    );
    seen.observe(place.current);
    return () => {
      seen.disconnect();
      made.destroy();
    };
  }, [isDark]);
  useEffect(() => plot.current?.setData(dataOf(live, name)));
  const now = name === undefined ? live.total?.rates : live.row(name)?.rates;
  return (
    <section class="card" aria-label="Traffic">
      <div class="bar">
        <h2>{name === undefined ? "All pseudowires" : escapedText(name)}</h2>
        <span class="legend received">from the peer {rateWithUnit(now?.receivedBits ?? 0)}</span>
        <span class="legend transmitted">to the peer {rateWithUnit(now?.transmittedBits ?? 0)}</span>
      </div>
      <div
        ref={place}
        class="chart"
        role="img"
        aria-label="Traffic of the last two minutes in bits per second"
      />
    </section>
  );
}

function dataOf(live: LiveModel, name: string | undefined): uPlot.AlignedData {
  const { received, transmitted } = live.history(name);
  const { length } = received;
  return [live.times.slice(-length || KEPT), [...received], [...transmitted]].map((values) =>
    length === 0 ? [] : values,
  ) as unknown as uPlot.AlignedData;
}

function newPlot(place: HTMLElement): uPlot {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const axis = {
    stroke: colour("muted"),
    grid: { stroke: colour("line"), width: 1 },
    ticks: { show: false },
  };
  const font = "11px system-ui, sans-serif";
  const line = (name: "received" | "transmitted") => ({
    ...{ label: name, stroke: colour(name), width: 1.5, fill: `${colour(name)}22`, points: { show: false } },
  });
  return new uPlot(
    {
      ...{ width: place.clientWidth, height: HEIGHT, legend: { show: false } },
      cursor: { y: false, points: { size: 6 } },
      scales: { y: { range: (_, __, most) => [0, Math.max(1000, most * 1.1)] } },
      axes: [
        { ...axis, font, size: 28, values: "{HH}:{mm}:{ss}" },
        {
          ...axis,
          font,
          size: 74,
          space: 26,
          values: (_, values) => values.map((value) => rateWithUnit(value)),
        },
      ],
      series: [{}, line("received"), line("transmitted")],
    },
    [[], [], []],
    place,
  );
}

/** A line of the last readings, as tall as the most of them. */
export function Spark({ values }: { readonly values: readonly number[] }) {
  const shown = values.slice(-40);
  const most = Math.max(1, ...shown);
  const points = shown.map((value, index) => `${(index * 80) / 39},${15.5 - (value / most) * 14}`).join(" ");
  return (
    <svg class="spark" viewBox="0 0 80 16" aria-hidden="true">
      <polyline points={points} />
    </svg>
  );
}
