import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { durationText } from "../src/bytes/duration.ts";
import { escapedText } from "../src/bytes/printable-text.ts";
import { rateWithUnit } from "../src/bytes/quantities.ts";
import type { MtuReport } from "../src/daemon/mtu-report.ts";
import type { PseudowireStatus, StatusReport } from "../src/daemon/status.ts";
import { counterTable } from "../src/forwarding/counters-table.ts";
import { meaningOf } from "./discards.tsx";
import type { LiveModel } from "./live-model.ts";
import { Mtu } from "./mtu.tsx";
import { State } from "./overview.tsx";
import { liveHealth } from "./status-view.ts";
import { countText } from "./text.ts";
import { pathMtuTitle } from "./tunnels.tsx";

interface DetailsProps {
  readonly status: StatusReport;
  readonly pseudowire: PseudowireStatus;
  readonly live: LiveModel;
  readonly close: () => void;
}

/** All of one pseudowire. */
export function Details({ status, pseudowire: one, live, close }: DetailsProps) {
  const button = useRef<HTMLButtonElement>(null);
  const tunnel = status.controlConnections.find((other) => other.tunnel === one.tunnel);
  const row = live.row(one.name);
  return (
    <aside aria-label={`Pseudowire ${one.name}`}>
      <div class="bar">
        <h2>{escapedText(one.name)}</h2>
        <State health={liveHealth(one, row?.isUp)} state={one.state} />
        <button type="button" ref={button} class="close" onClick={close} aria-label="Close details">
          Esc
        </button>
      </div>
      {one.whyNot !== undefined && <p class="bad-text">{escapedText(one.whyNot)}</p>}
      {one.notes?.map((note) => (
        <p key={note} class="warn-text">
          {escapedText(note)}
        </p>
      ))}
      <dl class="facts">
        <Item name="state">{one.state}</Item>
        <Item name="tunnel">{one.tunnel}</Item>
        <Item name="circuit">{`${one.circuit}: ${one.localCircuit}`}</Item>
        <Item name="other end">{one.remoteCircuit}</Item>
        <Item name="type">{one.type}</Item>
        <Item name="session IDs">{idsOf(one)}</Item>
        <Item name="sublayer">{pairOf(one.receiveSublayer, one.transmitSublayer)}</Item>
        <Item name="cookies">
          {pairOf(octets(one.receiveCookieOctets), octets(one.transmitCookieOctets))}
        </Item>
        <Item name="plane">
          {one.plane === undefined
            ? undefined
            : `${one.plane}${one.planeReason === undefined ? "" : `: ${one.planeReason}`}`}
        </Item>
        <Item name="MTU">{one.frameSize === undefined ? undefined : String(one.frameSize.mtu)}</Item>
        <Item name="path MTU">
          {tunnel === undefined
            ? undefined
            : `${tunnel.pathMtu?.octets ?? "not known"}: ${pathMtuTitle(tunnel)}`}
        </Item>
        <Item name="last change">
          {one.lastChange && `${durationText(one.lastChange.agoMs)} ago: ${one.lastChange.text}`}
        </Item>
        <Item name="ups and downs">{`${one.ups ?? 0} up, ${one.downs ?? 0} down${one.flapping ? ", flapping" : ""}`}</Item>
      </dl>
      <Counters one={one} live={live} />
      <MtuOf name={one.name} wanted={one.frameSize !== undefined} />
    </aside>
  );
}

function Item({ name, children }: { readonly name: string; readonly children: string | undefined }) {
  if (children === undefined || children === "") return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>{escapedText(children)}</dd>
    </>
  );
}

function octets(count: number | undefined): string | undefined {
  return count === undefined ? undefined : count === 0 ? "none" : `${count} octets`;
}

function pairOf(received: string | undefined, sent: string | undefined): string | undefined {
  if (received === undefined && sent === undefined) return undefined;
  return received === sent ? received : `received ${received ?? "none"}, sent ${sent ?? "none"}`;
}

function idsOf({ localSessionId, remoteSessionId }: PseudowireStatus): string | undefined {
  return localSessionId === undefined
    ? undefined
    : `${localSessionId} here, ${remoteSessionId ?? "none"} there`;
}

function Counters({ one, live }: { readonly one: PseudowireStatus; readonly live: LiveModel }) {
  const counters = live.row(one.name)?.counters ?? {};
  const rates = live.row(one.name)?.rates;
  const shown = counterTable.filter((row) => !("isRare" in row) || one[row.name] > 0);
  const discards = Object.entries(one.discards).filter(([, count]) => count > 0);
  return (
    <>
      <h3>Counters{one.clearedAgoMs === undefined ? "" : ` since ${durationText(one.clearedAgoMs)} ago`}</h3>
      <table class="counters">
        <tbody>
          {shown.map(({ name, direction, label, help }) => (
            <tr key={name} title={help.replaceAll("`", "")}>
              <th scope="row">{`${direction === "received" ? "from the peer" : "to the peer"}: ${label}`}</th>
              <td class="number">
                {countText(one.clearedAgoMs === undefined ? (counters[name] ?? one[name]) : one[name])}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {rates && (
        <p class="note">{`${rateWithUnit(rates.receivedFrames, "frames/s")} from the peer, ${rateWithUnit(rates.transmittedFrames, "frames/s")} to it`}</p>
      )}
      {discards.length > 0 && <h3>Discards</h3>}
      <dl class="discards">
        {discards.map(([reason, count]) => (
          <div key={reason}>
            <dt>
              {reason} <span class="number">{countText(count)}</span>
            </dt>
            <dd>{meaningOf(reason).replaceAll("`", "")}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

/** What `wirespan mtu` says, asked for when it is opened. */
function MtuOf({ name, wanted }: { readonly name: string; readonly wanted: boolean }): ComponentChildren {
  const [report, setReport] = useState<MtuReport>();
  useEffect(() => {
    if (!wanted) return;
    let isThere = true;
    fetch(`v1/mtu?name=${encodeURIComponent(name)}`)
      .then(async (response) =>
        response.ok ? ((await response.json()).pseudowires as readonly MtuReport[]) : [],
      )
      .then((reports) => isThere && setReport(reports.find(({ pseudowire }) => pseudowire === name)))
      .catch(() => undefined);
    return () => {
      isThere = false;
    };
  }, [name, wanted]);
  return report && <Mtu report={report} />;
}
