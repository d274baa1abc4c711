import { plainAddress } from "../../bytes/subnets.ts";
import { ANY } from "../../config/ends.ts";
import type { LcceConfigurations } from "./configurations.ts";

/** What a picture needs of one end's pseudowire: from the file as it stands, which may have mistakes. */
export interface PseudowireEnd {
  readonly lcce: string;
  readonly tunnel: string;
  readonly name: string;
  readonly local: string;
  readonly remote: string;
  /** Whether the peer may have any address, and is who leads here. */
  readonly isOfAny: boolean;
  readonly encapsulation: string;
  /** What the two ends agree in: the remote end id, or the session ids of a static session. */
  readonly key: string;
  /** The same of the other end. */
  readonly peerKey: string;
  readonly device: string;
  readonly vlan: number | undefined;
  readonly isServiceTag: boolean;
  readonly isStatic: boolean;
}

type Mapping = Readonly<Record<string, unknown>>;

function mapping(value: unknown): Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Mapping) : {};
}

function text(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? `${value}` : "";
}

/** The pseudowires of all configurations, each as its own end says it. */
export function pseudowireEnds(configurations: LcceConfigurations): readonly PseudowireEnd[] {
  return [...configurations].flatMap(([lcce, configuration]) =>
    Object.entries(mapping(mapping(configuration)["tunnels"])).flatMap(([tunnel, given]) =>
      Object.entries(mapping(mapping(given)["pseudowires"])).map(([name, pseudowire]) =>
        endOf(lcce, tunnel, mapping(given), name, mapping(pseudowire)),
      ),
    ),
  );
}

function endOf(lcce: string, tunnel: string, given: Mapping, name: string, own: Mapping): PseudowireEnd {
  const circuit = mapping(own["circuit"]);
  const session = mapping(own["static"]);
  const isStatic = own["static"] !== undefined;
  const ids = [session["local_session_id"], session["remote_session_id"]].map(text);
  const endId = text(own["remote_end_id"] ?? name);
  const isOfAny = given["remote"] === ANY || mapping(given["remote"])[ANY] !== undefined;
  return {
    lcce,
    tunnel,
    name,
    local: plainAddress(text(given["local"])),
    remote: isOfAny ? ANY : plainAddress(text(given["remote"])),
    isOfAny,
    encapsulation: text(given["encapsulation"]) || "udp",
    key: isStatic ? `static ${ids.join(" ")}` : endId,
    peerKey: isStatic ? `static ${ids.toReversed().join(" ")}` : endId,
    device: text(circuit["interface"]) || text(circuit["tap"]),
    vlan: typeof circuit["vlan"] === "number" ? circuit["vlan"] : undefined,
    isServiceTag: text(circuit["vlan_protocol"]) === "802.1ad",
    isStatic,
  };
}
