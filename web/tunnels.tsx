import { escapedText } from "../src/bytes/printable-text.ts";
import type { ControlConnectionStatus, StatusReport } from "../src/daemon/status.ts";
import type { LiveModel } from "./live-model.ts";
import { State } from "./overview.tsx";
import { liveHealth } from "./status-view.ts";

interface TunnelsProps {
  readonly status: StatusReport;
  readonly live: LiveModel;
  readonly chosen: string | undefined;
  readonly choose: (tunnel: string) => void;
}

/** More are found by the filter of pseudowires. */
const MOST_SHOWN = 100;

export function Tunnels({ status: { controlConnections }, live, chosen, choose }: TunnelsProps) {
  return (
    <section class="card" aria-label="Tunnels">
      <h2>
        Tunnels <span class="count">{controlConnections.length}</span>
      </h2>
      <div class="wide">
        <table class="tunnels">
          <thead>
            <tr>
              <th scope="col">tunnel</th>
              <th scope="col">state</th>
              <th scope="col">peer</th>
              <th scope="col">path</th>
              <th scope="col" class="number">
                path MTU
              </th>
            </tr>
          </thead>
          <tbody>
            {controlConnections.slice(0, MOST_SHOWN).map((one) => (
              <tr key={one.tunnel} class={chosen === one.tunnel ? "chosen" : ""}>
                <td>
                  <button
                    type="button"
                    class="link"
                    aria-pressed={chosen === one.tunnel}
                    onClick={() => choose(one.tunnel)}
                  >
                    {escapedText(one.tunnel)}
                  </button>
                </td>
                <td>
                  <State health={liveHealth(one, live.isTunnelUp(one.tunnel))} state={one.state} />
                </td>
                <td title={escapedText(one.peerVendorName ?? "")}>{escapedText(one.peerHostName ?? "")}</td>
                <td title={`${one.local} to ${one.remote}`}>{pathText(one)}</td>
                <td class="number" title={pathMtuTitle(one)}>
                  {one.pathMtu?.octets ?? "?"}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {controlConnections.length > MOST_SHOWN && <p class="note">the first {MOST_SHOWN}</p>}
    </section>
  );
}

function pathText({ remote, encapsulation, nat }: ControlConnectionStatus): string {
  return `${remote} ${encapsulation}${nat === undefined ? "" : ", NAT"}`;
}

/** How the path MTU is known. */
export function pathMtuTitle({ pathMtu, pathMtuUnknown = "no route" }: ControlConnectionStatus): string {
  if (pathMtu === undefined) return pathMtuUnknown;
  const { source, by, reportedOctets } = pathMtu;
  const told = reportedOctets === undefined ? "" : `; a router says ${reportedOctets}`;
  if (source === "measured") return `measured by ${by ?? "probes"}${told}`;
  return source === "reported" ? "a router said so; not measured" : "by the interface or route; not measured";
}
