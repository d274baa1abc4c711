import { escapedText } from "../src/bytes/printable-text.ts";
import type { StatusReport } from "../src/daemon/status.ts";
import type { LiveModel } from "./live-model.ts";
import { cut, layoutOf, type PeerBox, type Wire } from "./topology-layout.ts";

/** The topology as a picture; everything in it is in the tables too. */

const WIDTH = 440;
const US = { x: 142, width: 64 } as const;
const PEER = { x: 318, width: 116 } as const;

interface TopologyProps {
  readonly status: StatusReport;
  readonly live: LiveModel;
  readonly tunnel: string | undefined;
  readonly picked: string | undefined;
  readonly choose: (tunnel: string) => void;
  readonly pick: (pseudowire: string) => void;
}

export function Topology({ status, live, tunnel, picked, choose, pick }: TopologyProps) {
  const { height, peers, more } = layoutOf(status, live);
  return (
    <section class="card" aria-label="Topology">
      <h2>Topology</h2>
      <svg
        class="topology"
        viewBox={`0 0 ${WIDTH} ${height}`}
        role="img"
        aria-label="Our LCCE, its peers, and pseudowires between circuits and peers"
      >
        {peers.map((peer) => (
          <Peer key={peer.tunnel} {...{ peer, picked, choose, pick }} isChosen={peer.tunnel === tunnel} />
        ))}
        <g class="us">
          <rect x={US.x} y="6" width={US.width} height={height - 12} rx="6" />
          <text x={US.x + US.width / 2} y={height / 2 + 4} class="middle">
            {cut(escapedText(status.hostName), 9)}
          </text>
        </g>
      </svg>
      {more > 0 && <p class="note">and {more} more tunnels</p>}
    </section>
  );
}

interface PeerProps extends Pick<TopologyProps, "picked" | "choose" | "pick"> {
  readonly peer: PeerBox;
  readonly isChosen: boolean;
}

function Peer({ peer, isChosen, picked, choose, pick }: PeerProps) {
  const { tunnel, label, health, y, height, wires } = peer;
  const name = escapedText(label);
  return (
    <g class={`peer ${health} ${isChosen ? "chosen" : ""}`}>
      {wires.map((wire) => (
        <Line key={wire.name ?? ""} {...{ wire, picked, pick }} />
      ))}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the table of tunnels has buttons */}
      <g onClick={() => choose(tunnel)}>
        <title>{`tunnel ${escapedText(tunnel)} to ${name}`}</title>
        <rect x={PEER.x} y={y} width={PEER.width} height={height} rx="6" />
        <text x={PEER.x + PEER.width / 2} y={y + height / 2 + (height > 30 ? -2 : 4)} class="middle">
          {cut(name, 17)}
        </text>
        {height > 30 && (
          <text x={PEER.x + PEER.width / 2} y={y + height / 2 + 11} class="middle small">
            {cut(escapedText(tunnel), 19)}
          </text>
        )}
      </g>
    </g>
  );
}

function Line({
  wire,
  picked,
  pick,
}: {
  readonly wire: Wire;
  readonly picked: string | undefined;
  readonly pick: (name: string) => void;
}) {
  const { y, name, label, circuit, health } = wire;
  const text = escapedText(label);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the table of pseudowires has buttons
    <g
      class={`wire ${health} ${name !== undefined && name === picked ? "chosen" : ""}`}
      onClick={() => name !== undefined && pick(name)}
    >
      <title>{`${text}: ${health}`}</title>
      {circuit !== "" && <line x1="4" x2={US.x} y1={y + 6} y2={y + 6} />}
      <line x1={US.x + US.width} x2={PEER.x} y1={y + 6} y2={y + 6} />
      <text x="4" y={y + 1} class="small">
        {cut(escapedText(circuit), 24)}
      </text>
      <text x={US.x + US.width + 6} y={y + 1} class="small">
        {cut(text, 18)}
      </text>
    </g>
  );
}
