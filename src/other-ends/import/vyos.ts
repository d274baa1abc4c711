import { withoutGaps } from "../written-keys.ts";
import { type Draft, deviceNameOf, numberIn } from "./draft.ts";
import { linesIn, unquoted } from "./lines.ts";

/** Configurations of VyOS: lines of `set interfaces l2tpv3 ...`, or the form with braces. */

/** A value with the keys that lead to it. */
interface Setting {
  readonly line: number;
  readonly path: readonly string[];
}

const MOST_LEVELS = 32;
/** What VyOS takes where nothing is said. */
const presets = { port: 5000, mtu: 1488 } as const;

interface VyosInterface {
  readonly line: number;
  readonly values: Map<string, string>;
  bridge?: string;
}

/** TABLE: keys of an interface of L2TPv3, with what they were called in former versions. */
const keyNames: Readonly<Record<string, string>> = {
  "source-address": "source-address",
  "local-ip": "source-address",
  remote: "remote",
  "remote-ip": "remote",
  encapsulation: "encapsulation",
  "source-port": "source-port",
  "destination-port": "destination-port",
  "session-id": "session-id",
  "peer-session-id": "peer-session-id",
  "tunnel-id": "tunnel-id",
  "peer-tunnel-id": "peer-tunnel-id",
  mtu: "mtu",
};

/** Adds the L2TPv3 interfaces of a configuration to a draft. */
export function readVyos(text: string, draft: Draft): void {
  const isFlat = linesIn(text).some((each) => /^\s*set\s/.test(each.text));
  const settings = isFlat ? settingsOfCommands(text, draft) : settingsOfBraces(text, draft);
  const interfaces = new Map<string, VyosInterface>();
  const bridged = new Map<string, { readonly bridge: string; readonly setting: Setting }>();
  for (const setting of settings) {
    const [top, kind, name = "", ...rest] = setting.path;
    if (top === "interfaces" && kind === "l2tpv3") take(draft, interfaces, setting, name, rest);
    else if (top === "interfaces" && kind === "bridge" && rest[0] === "member" && rest[1] === "interface")
      bridged.set(rest[2] ?? "", { bridge: name, setting });
    else draft.lose(setting.line, setting.path.join(" "), "is not about L2TPv3");
  }
  for (const [name, { bridge, setting }] of bridged) {
    const found = interfaces.get(name);
    if (found === undefined) draft.lose(setting.line, setting.path.join(" "), "is not about L2TPv3");
    else found.bridge = bridge;
  }
  for (const [name, found] of interfaces) draftInterface(draft, name, found);
}

function take(
  draft: Draft,
  interfaces: Map<string, VyosInterface>,
  { line, path }: Setting,
  name: string,
  [key = "", value]: readonly string[],
): void {
  const found = interfaces.get(name) ?? { line, values: new Map<string, string>() };
  interfaces.set(name, found);
  const known = keyNames[key];
  if (known !== undefined && value !== undefined) found.values.set(known, value);
  else if (key !== "")
    draft.lose(line, path.join(" "), `${key} has nothing like it here: the TAP device takes it by hand`);
}

function draftInterface(draft: Draft, name: string, { line, values, bridge }: VyosInterface): void {
  const needed = ["remote", "source-address", "session-id", "peer-session-id"];
  const missing = needed.filter((key) => !values.has(key));
  if (missing.length > 0)
    return draft.lose(line, `interfaces l2tpv3 ${name}`, `has no ${missing.join(", no ")}`, true);
  const tunnel = draft.tunnel(name);
  if (tunnel === undefined) return draft.lose(line, name, "too many tunnels", true);
  const isUdp = values.get("encapsulation") !== "ip";
  const port = (key: string) => (isUdp ? (numberIn(values.get(key)) ?? presets.port) : undefined);
  Object.assign(
    tunnel.keys,
    withoutGaps({
      local: values.get("source-address"),
      remote: values.get("remote"),
      encapsulation: isUdp ? undefined : "ip",
      local_port: port("source-port"),
      remote_port: port("destination-port"),
      control: "static",
    }),
  );
  const mtu = numberIn(values.get("mtu")) ?? presets.mtu;
  draft.pseudowire(
    tunnel,
    name,
    withoutGaps({
      circuit: withoutGaps({ tap: deviceNameOf(name, "l2tpeth0"), bridge }),
      mtu: mtu === 1500 ? undefined : mtu,
      // VyOS leaves it to the kernel.
      sublayer: "default",
      static: {
        local_session_id: numberIn(values.get("session-id")),
        remote_session_id: numberIn(values.get("peer-session-id")),
      },
    }),
  );
}

/** Words of a line; a text in quotes is one. */
function wordsOf(line: string): readonly string[] {
  return (line.match(/'[^']*'|"[^"]*"|\S+/g) ?? []).map(unquoted);
}

function settingsOfCommands(text: string, draft: Draft): readonly Setting[] {
  return linesIn(text).flatMap(({ line, text: whole }) => {
    const [verb = "", ...path] = wordsOf(whole.trim());
    if (verb.startsWith("#") || verb === "configure" || verb === "commit" || verb === "save") return [];
    if (verb === "set" && path.length > 0) return [{ line, path }];
    draft.lose(line, whole.trim(), "is no `set`");
    return [];
  });
}

function settingsOfBraces(text: string, draft: Draft): readonly Setting[] {
  const settings: Setting[] = [];
  const levels: (readonly string[])[] = [];
  let isComment = false;
  let isEmpty = false;
  for (const { line, text: whole } of linesIn(text)) {
    const each = whole.trim();
    isComment ||= each.startsWith("/*");
    if (isComment || each.startsWith("//") || each.startsWith("#")) {
      isComment &&= !each.endsWith("*/");
      continue;
    }
    if (each === "}") {
      // A block without content says something too, such as the member of a bridge.
      if (isEmpty && levels.length > 0) settings.push({ line, path: fullPath(levels.flat()) });
      levels.pop();
      isEmpty = false;
      continue;
    }
    const isBlock = each.endsWith("{");
    const words = wordsOf(isBlock ? each.slice(0, -1) : each);
    if (isBlock && levels.length >= MOST_LEVELS) {
      draft.lose(line, each, `is deeper than ${MOST_LEVELS} levels`, true);
      break;
    }
    if (isBlock) levels.push(words);
    else settings.push({ line, path: fullPath([...levels.flat(), ...words]) });
    isEmpty = isBlock;
  }
  return settings;
}

/** The path of a setting, also of a text that begins within `interfaces`. */
function fullPath(path: readonly string[]): readonly string[] {
  return path[0] === "l2tpv3" ? ["interfaces", ...path] : path;
}
