import { setBridge, setMtu, setPort, setPortOf } from "../os/bridge-attributes.ts";
import { changePortVlans, type PortVlans, readVlansOfPorts } from "../os/bridge-vlans.ts";
import { readLinkStates } from "../os/links.ts";
import type { BridgeRecord, PortRecord } from "./bridge-records.ts";

/** How bridges and interfaces of others were before us, and the way back to it. */

/** Puts an interface back as it was, unless it is another one or elsewhere by now. */
export function releasePort(device: string, { index, bridge, isJoined, former, vlans }: PortRecord): void {
  const states = readLinkStates();
  const state = states.find((one) => one.index === index && one.name === device);
  const isThere = states.some((one) => one.name === bridge && one.index === state?.master);
  if (state === undefined || !isThere) return;
  if (isJoined) return setPortOf(device, index, 0);
  if (Object.keys(former).length > 0) setPort(device, index, former);
  const there = vlans === undefined ? undefined : readVlansOfPorts().get(index);
  if (vlans !== undefined && there !== undefined) changePortVlans(device, index, there, vlans);
}

/** Puts a bridge of others back as it was, unless it is another one by now. */
export function releaseBridge(name: string, { index, former, mtu }: BridgeRecord): void {
  const state = readLinkStates().find((one) => one.index === index && one.name === name);
  if (state === undefined) return;
  if (Object.keys(former).length > 0) setBridge(name, index, former);
  if (mtu !== undefined && mtu !== state.mtu) setMtu(name, index, mtu);
}

/** Former values of attributes that are not wanted any more; they leave the record once they are set. */
export function formerNotIn(
  former: Record<string, number>,
  wanted: Readonly<Partial<Record<string, number>>>,
): Record<string, number> {
  const back = Object.entries(former).filter(([name]) => wanted[name] === undefined);
  for (const [name] of back) delete former[name];
  return Object.fromEntries(back);
}

/** Keeps how attributes were before we set them. */
export function remember(
  record: { former: Record<string, number> },
  wanted: Readonly<Partial<Record<string, number>>>,
  there: Readonly<Partial<Record<string, number>>>,
): void {
  for (const name of Object.keys(wanted)) {
    const value = there[name];
    if (value !== undefined && value !== wanted[name]) record.former[name] ??= value;
  }
}

export function copyOf({ pvid, tagged }: PortVlans): { pvid: number; tagged: number[] } {
  return { pvid, tagged: [...tagged] };
}
