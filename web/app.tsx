import { render } from "preact";
import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import { escapedText } from "../src/bytes/printable-text.ts";
import type { StatusReport } from "../src/daemon/status.ts";
import { Chart } from "./chart.tsx";
import { Connection } from "./connection.ts";
import { Details } from "./details.tsx";
import { Discards } from "./discards.tsx";
import { EventLog } from "./event-log.tsx";
import { Overview, Problems } from "./overview.tsx";
import { Pseudowires } from "./pseudowires.tsx";
import { attention, notUp } from "./status-view.ts";
import { Topology } from "./topology.tsx";
import { Tunnels } from "./tunnels.tsx";

/** The web page of the daemon: it shows, and changes nothing. */

function useConnection(): Connection {
  const [, redraw] = useReducer((count: number, _: undefined) => count + 1, 0);
  const kept = useRef<Connection | undefined>(undefined);
  kept.current ??= new Connection(() => redraw(undefined));
  const connection = kept.current;
  useEffect(() => connection.open(), [connection]);
  return connection;
}

function App() {
  const connection = useConnection();
  const { status } = connection;
  if (status === undefined)
    return (
      <p class="waiting" role="status">
        {escapedText(connection.refusal ?? "waiting for the daemon ...")}
      </p>
    );
  return <Page connection={connection} status={status} />;
}

function Page({ connection, status }: { readonly connection: Connection; readonly status: StatusReport }) {
  const [tunnel, setTunnel] = useState<string>();
  const [picked, setPicked] = useState<string>();
  useEscape(() => (picked === undefined ? setTunnel(undefined) : setPicked(undefined)));
  const { live, events } = connection;
  const choose = (name: string) => setTunnel((now) => (now === name ? undefined : name));
  const pick = (name: string) => setPicked((now) => (now === name ? undefined : name));
  const chosen = status.pseudowires.find(({ name }) => name === picked);
  const down = notUp(status);
  const wrong = attention(status);
  return (
    <>
      <Overview connection={connection} status={status} />
      <main>
        {down.length + wrong.length > 0 && (
          <div class="problems">
            <Problems
              title="Not up, and why"
              tone="bad"
              problems={down}
              choose={{ tunnel: choose, pseudowire: pick }}
            />
            <Problems
              title="Needs attention"
              tone="warn"
              problems={wrong}
              choose={{ tunnel: choose, pseudowire: pick }}
            />
          </div>
        )}
        <div class="columns">
          <div class="column">
            <Topology
              status={status}
              live={live}
              tunnel={tunnel}
              picked={picked}
              choose={choose}
              pick={pick}
            />
            <Tunnels status={status} live={live} chosen={tunnel} choose={choose} />
            <Discards status={status} live={live} />
          </div>
          <div class="column">
            <Chart live={live} name={picked} />
            <Pseudowires
              {...{ status, live, tunnel, picked, pick }}
              want={(positions) => connection.want(positions)}
            />
            <EventLog events={events} tunnels={status.controlConnections.map((one) => one.tunnel)} />
          </div>
        </div>
      </main>
      {chosen && (
        <Details
          key={chosen.name}
          status={status}
          pseudowire={chosen}
          live={live}
          close={() => setPicked(undefined)}
        />
      )}
    </>
  );
}

function useEscape(act: () => void): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    const hear = ({ key, target }: KeyboardEvent) => {
      if (key === "Escape" && !(target instanceof HTMLInputElement)) latest.current();
    };
    addEventListener("keydown", hear);
    return () => removeEventListener("keydown", hear);
  }, []);
}

const root = document.getElementById("app");
if (root !== null) {
  root.textContent = "";
  render(<App />, root);
}
