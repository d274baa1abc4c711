import { UDP_PORT_L2TP } from "../wire/constants.ts";
import { tunnelOf } from "./build.ts";
import type { ControlConfig, PseudowireConfig, StaticSessionConfig, TunnelConfig } from "./config.ts";
import { familiesOf } from "./ends.ts";
import type { RawTunnel } from "./fields.ts";
import type { Issue, ReportIssue } from "./issues.ts";
import { abilitiesOf, type PeerAbilities, type PeerKind } from "./peer-kinds.ts";
import { endIdText } from "./pseudowire-rows.ts";

/** What the implementation at the other end cannot do of what a tunnel wants, and what to write instead. */

/** Reports what the `peer` of a tunnel cannot do; nothing without that key. */
export function checkPeer(name: string, tunnel: RawTunnel, report: ReportIssue): void {
  const { peer } = tunnel;

  if (peer === undefined) return;
  for (const { path, message } of peerObstacles(peer, tunnelOf(name, tunnel)))
    report(path, message, [["tunnels", name, "peer"]]);
}

type Report = (path: readonly string[], message: string) => void;

/** What an implementation cannot do of what a tunnel wants; empty where it can be its other end. */
export function peerObstacles(kind: PeerKind, tunnel: TunnelConfig): readonly Issue[] {
  const peer = abilitiesOf(kind);
  const issues: Issue[] = [];
  const at = ["tunnels", tunnel.name];
  checkPath(peer, tunnel, (path, message) => issues.push({ path: [...at, ...path], message }));
  const { control } = tunnel;
  // What follows from another way of setting sessions up would only hide that.
  if (issues.some(({ path }) => path.at(-1) === "control")) return issues;
  if (control !== undefined)
    checkControl(peer, tunnel, control, (path, message) => issues.push({ path: [...at, ...path], message }));
  for (const pseudowire of tunnel.pseudowires) {
    const within = [...at, "pseudowires", pseudowire.name];
    const report: Report = (path, message) => issues.push({ path: [...within, ...path], message });
    checkFrames(peer, pseudowire, control !== undefined, report);
    if (peer.hasNumbersAsEndIds && control !== undefined && !isNumber(pseudowire)) {
      report(
        ["remote_end_id"],
        `${peer.title} calls its pseudowires by numbers: write remote_end_id: "1234", as text`,
      );
    }
  }
  return issues;
}

/** Whether a Remote End ID is a number in decimal digits as text, as such peers send it. */
function isNumber({ remoteEndId }: PseudowireConfig): boolean {
  return /^[1-9]\d{0,9}$/.test(endIdText(remoteEndId)) && remoteEndId.every((octet) => octet >= 0x30);
}

function checkPath(peer: PeerAbilities, tunnel: TunnelConfig, report: Report): void {
  const { title, encapsulations, families } = peer;
  const mode = tunnel.control === undefined ? "static" : "negotiated";
  if (!peer.control.includes(mode))
    report(
      ["control"],
      mode === "static"
        ? `${title} is not known to take static sessions: leave control out`
        : `${title} has no control connection: write control: static, and static: in each pseudowire`,
    );
  if (!encapsulations.includes(tunnel.encapsulation))
    report(
      ["encapsulation"],
      tunnel.encapsulation === "udp"
        ? `${title} has no L2TPv3 in UDP, only in IP protocol 115: write encapsulation: ip`
        : `${title} has L2TPv3 only in UDP: write encapsulation: udp`,
    );
  for (const key of ["local", "remote"] as const) {
    if (familiesOf(tunnel[key]).some((family) => families.includes(family))) continue;
    report([key], `${title} is not known to have L2TPv3 over IPv6: give addresses of IPv4`);
    break;
  }
  const several = tunnel.pseudowires[1];
  if (!peer.hasSeveralSessions && several !== undefined)
    report(
      ["pseudowires", several.name],
      `${title} has one pseudowire in each tunnel: give this one a tunnel of its own`,
    );
  if (tunnel.encapsulation !== "udp" || peer.canChoosePort) return;
  if (tunnel.remotePort !== UDP_PORT_L2TP)
    report(["remote_port"], `${title} has UDP port 1701 alone: leave remote_port out`);
  const callsUs = tunnel.control === undefined || tunnel.control.role === "responder";
  if (callsUs && tunnel.localPort !== UDP_PORT_L2TP)
    report(["local_port"], `${title} sends to UDP port 1701 alone: leave local_port out`);
}

function checkControl(
  peer: PeerAbilities,
  { fragmentation }: TunnelConfig,
  { role, authentication: { mode } }: ControlConfig,
  report: Report,
): void {
  const { title, ourRoles } = peer;
  if (!ourRoles.includes(role))
    report(
      ["role"],
      ourRoles.includes("responder")
        ? `${title} always calls and never answers: write role: responder`
        : `${title} only answers: write role: initiator`,
    );
  if (fragmentation === "pseudowire" && peer.sublayer === "none")
    report(["fragmentation"], `${title} has no sublayer, which tells fragments: write fragmentation: outer`);
  if (peer.authentication.includes(mode)) return;
  if (mode === "integrity")
    return report(
      ["authentication"],
      `${title} is not known to have digests without a secret: leave authentication out`,
    );
  const instead = peer.authentication.includes("integrity") ? ", or write authentication: integrity" : "";
  report(["secret"], `${title} is not known to have digests with a secret: leave secret out${instead}`);
}

function checkFrames(
  peer: PeerAbilities,
  pseudowire: PseudowireConfig,
  isNegotiated: boolean,
  report: Report,
): void {
  const { staticSession, cookieOctets, sublayer, sequencing } = pseudowire;
  if (staticSession !== undefined) checkStatic(peer, pseudowire, staticSession, report);
  else if (isNegotiated && !peer.cookieOctets.includes(cookieOctets))
    report(["cookie"], `${peer.title} sends no cookie, and all its frames would be dropped: write cookie: 0`);
  checkSublayerOf(peer, sublayer, sequencing, ["sublayer"], report);
  if (peer.sequencing === "none" && sequencing !== "none")
    report(["sequencing"], `${peer.title} numbers no frames: leave sequencing out`);
}

function checkStatic(
  peer: PeerAbilities,
  { sublayer, sequencing }: PseudowireConfig,
  session: StaticSessionConfig,
  report: Report,
): void {
  const { title } = peer;
  for (const [key, cookie] of [
    ["receive_cookie", session.receiveCookie],
    ["transmit_cookie", session.transmitCookie],
  ] as const) {
    if (!(peer.cookieOctets as readonly number[]).includes(cookie.length))
      report(["static", key], `${title} has no cookies in static sessions: leave ${key} out`);
  }
  for (const [key, id] of [
    ["local_session_id", session.localSessionId],
    ["remote_session_id", session.remoteSessionId],
  ] as const) {
    if (id > peer.highestSessionId)
      report(["static", key], `${title} takes session ids up to ${peer.highestSessionId}`);
  }
  const { transmitSublayer, transmitSequencing } = session;
  const at = ["static", "transmit_sublayer"];
  if (peer.hasOneSublayer && transmitSublayer !== sublayer)
    report(at, `${title} has one sublayer for both directions: leave transmit_sublayer out`);
  else if (transmitSublayer !== sublayer)
    checkSublayerOf(peer, transmitSublayer, transmitSequencing, at, report);
  if (peer.sequencing !== "any" && transmitSequencing === "non-ip")
    report(
      ["static", "transmit_sequencing"],
      `${title} does not know numbers of some frames alone: write transmit_sequencing: all, or none`,
    );
  else if (peer.sequencing === "none" && transmitSequencing !== "none" && sequencing === "none")
    report(
      ["static", "transmit_sequencing"],
      `${title} looks at no numbers: write transmit_sequencing: none`,
    );
}

function checkSublayerOf(
  { title, sublayer: known }: PeerAbilities,
  sublayer: "none" | "default",
  sequencing: "none" | "non-ip" | "all",
  at: readonly string[],
  report: Report,
): void {
  const key = at.at(-1);
  if (known === "none" && sublayer === "default") report(at, `${title} has no sublayer: leave ${key} out`);
  if (known === "default" && sublayer === "none")
    report(at, `${title} always has the default sublayer: write ${key}: default`);
  if (known === "with sequencing" && (sublayer === "default") !== (sequencing !== "none"))
    report(
      at,
      `${title} has a sublayer where it numbers frames, else none: add sequencing: all, or leave both out`,
    );
}
