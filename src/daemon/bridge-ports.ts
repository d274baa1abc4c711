import type { BridgeConfig, PortConfig, TunnelConfig } from "../config/config.ts";
import { type PortValues, portValuesIn, setPort } from "../os/bridge-attributes.ts";
import { changePortVlans, type PortVlans, readVlansOfPorts } from "../os/bridge-vlans.ts";
import type { LinkState, Links } from "../os/links.ts";
import type { BridgeRecords, PortRecord } from "./bridge-records.ts";
import { copyOf, formerNotIn, remember } from "./bridge-release.ts";
import { areSameVlans, differing, portPresets, wantedPortValues, wantedPortVlans } from "./bridge-values.ts";
import type { Corrections } from "./corrections.ts";
import type { Problems } from "./problems.ts";

/** The device of a pseudowire as a port. */
interface PseudowirePort {
  readonly bridge: string;
  readonly port: PortConfig;
  readonly pseudowires: readonly string[];
}

/** The attributes of the ports of bridges: of the devices of pseudowires, and of interfaces. */
export class BridgePorts {
  readonly #links: Links;
  readonly #records: BridgeRecords;
  readonly #corrections: Corrections;
  #bridges: readonly BridgeConfig[] = [];
  #pseudowirePorts: ReadonlyMap<string, PseudowirePort> = new Map();

  constructor(links: Links, records: BridgeRecords, corrections: Corrections) {
    this.#links = links;
    this.#records = records;
    this.#corrections = corrections;
  }

  configure(bridges: readonly BridgeConfig[], tunnels: readonly TunnelConfig[]): void {
    this.#bridges = bridges;
    const ports = new Map<string, PseudowirePort>();
    for (const { name, circuit } of tunnels.flatMap(({ pseudowires }) => pseudowires)) {
      const { device, bridge, port = {} } = circuit;
      if (bridge === undefined) continue;
      const others = ports.get(device)?.pseudowires ?? [];
      ports.set(device, { bridge, port, pseudowires: [...others, name] });
    }
    this.#pseudowirePorts = ports;
  }

  /** The pseudowires whose device a port is; several where each carries a VLAN of it. */
  pseudowiresOn(device: string): readonly string[] {
    return this.#pseudowirePorts.get(device)?.pseudowires ?? [];
  }

  /** What the file says of a port of a bridge; undefined for one that it does not name. */
  portOf({ name, interfaces }: BridgeConfig, device: string): PortConfig | undefined {
    const own = this.#pseudowirePorts.get(device);
    return own?.bridge === name ? own.port : interfaces.find((member) => member.device === device);
  }

  isOfPseudowire(device: string): boolean {
    return this.#pseudowirePorts.has(device);
  }

  /** As a device of a pseudowire joins its bridge. Throws SystemError. */
  joined(device: string, index: number): void {
    const own = this.#pseudowirePorts.get(device);
    if (own === undefined) return;
    setPort(device, index, wantedPortValues(own.port, portPresets.pseudowire));
    const vlans = this.#vlansFor(own.bridge, own.port, true);
    if (vlans === undefined) return;
    this.#setVlans(device, index, vlans, undefined);
  }

  /** Sets the attributes of the ports of a bridge that the file names. */
  set(config: BridgeConfig, bridge: LinkState, problems: Problems): void {
    const [links, records] = [this.#links, this.#records];
    const own = [...this.#pseudowirePorts].flatMap(([device, { bridge: name, port }]) =>
      name === config.name ? [{ device, port, record: undefined }] : [],
    );
    const members = config.interfaces.map((port) => ({
      device: port.device,
      port,
      record: records.ports.get(port.device),
    }));
    for (const { device, port, record } of [...own, ...members]) {
      const state = links.get(device);
      if (state === undefined || state.master !== bridge.index) continue;
      const isOurs = record === undefined || record.isJoined;
      const presets = portPresets[record === undefined ? "pseudowire" : "interface"];
      problems.try(() => this.#setPort(device, state, port, isOurs ? presets : undefined, record));
      const wanted = this.#vlansFor(config.name, port, isOurs) ?? record?.vlans;
      if (wanted !== undefined) problems.try(() => this.#setVlans(device, state.index, wanted, record));
    }
  }

  #setVlans(device: string, index: number, wanted: PortVlans, record: PortRecord | undefined): void {
    const there = readVlansOfPorts().get(index) ?? { pvid: 0, tagged: [] };
    if (areSameVlans(there, wanted)) return;
    if (record !== undefined && !record.isJoined) record.vlans ??= copyOf(there);
    this.#corrections.count(`port ${device}`);
    changePortVlans(device, index, there, wanted);
  }

  #setPort(
    device: string,
    state: LinkState,
    port: PortConfig,
    presets: PortConfig | undefined,
    record: PortRecord | undefined,
  ): void {
    const there = portValuesIn(state);
    const wanted = wantedPortValues(port, presets);
    const back = record === undefined ? {} : formerNotIn(record.former, wanted);
    const changes: PortValues = differing({ ...back, ...wanted }, there);
    if (record !== undefined && presets === undefined) remember(record, wanted, there);
    if (Object.keys(changes).length === 0) return;
    this.#corrections.count(`port ${device}`);
    setPort(device, state.index, changes);
  }

  /** VLANs for a port: where the bridge filters by our file, each port of ours has them. */
  #vlansFor(bridge: string, port: PortConfig, isOurs: boolean): PortVlans | undefined {
    const isFiltering = this.#bridges.some(
      ({ name, vlanFiltering }) => name === bridge && vlanFiltering === true,
    );
    return wantedPortVlans(port, isOurs && isFiltering);
  }
}
