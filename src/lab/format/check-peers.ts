import { toHex } from "../../bytes/hex.ts";
import type { ConfigProblem, PseudowireConfig } from "../../config/config.ts";
import { endIdText } from "../../config/pseudowire-rows.ts";
import type { SecretSource } from "../../config/secret-source.ts";
import { type LcceConfiguration, SECRET_FILE } from "./check-wirespan.ts";
import type { TopologyContext } from "./context.ts";
import { choiceText } from "./declared.ts";
import { peerTunnels, type TunnelEnd } from "./peer-tunnels.ts";
import { type Report, reported } from "./scope.ts";
import type { Topology } from "./topology.ts";

/**
 * The two ends of tunnels: what in one does not fit the other. These are warnings, as a topology may be there
 * to show what becomes of it.
 */

/** Warnings of what does not fit between the two ends of each tunnel. */
export function checkPeers(
  topology: Topology,
  configurations: readonly LcceConfiguration[],
  context: TopologyContext,
): readonly ConfigProblem[] {
  return peerTunnels(topology, configurations).flatMap(([one, other]) => [
    ...one.of.located(reported((report) => checkBoth(one, other, topology, context, report))),
    ...[[one, other] as const, [other, one] as const].flatMap(([end, peer]) =>
      end.of.located(reported((report) => checkPseudowires(end, peer, report))),
    ),
  ]);
}

function endText({ of, tunnel }: TunnelEnd): string {
  return `tunnel ${tunnel.name} of ${of.lcce.name}`;
}

/** What is told once, at the first of the two ends. */
function checkBoth(
  one: TunnelEnd,
  other: TunnelEnd,
  topology: Topology,
  context: TopologyContext,
  report: Report,
): void {
  const path = ["tunnels", one.tunnel.name];
  const { encapsulation, control } = one.tunnel;
  const peer = other.tunnel;
  if (encapsulation !== peer.encapsulation)
    report(
      [...path, "encapsulation"],
      `${encapsulation} here, and ${peer.encapsulation} in ${endText(other)}: neither hears the other`,
    );
  if (control === undefined || peer.control === undefined) {
    if (control !== peer.control)
      report(
        [...path, "control"],
        `${controlText(one)} here, and ${controlText(other)} in ${endText(other)}: no session would fit`,
      );
    return;
  }
  const { role } = control;
  if (role === peer.control.role && role !== "either")
    report(
      [...path, "role"],
      role === "responder"
        ? `${endText(other)} is a responder, too: neither opens the control connection`
        : `${endText(other)} is an initiator, too: neither lets the other open the control connection`,
    );
  const problem = secretProblem(one, other, topology, context);
  if (problem !== undefined) report([...path, problem.key], problem.message);
}

function controlText({ tunnel }: TunnelEnd): string {
  return tunnel.control === undefined ? "static" : "negotiated";
}

function secretProblem(
  one: TunnelEnd,
  other: TunnelEnd,
  topology: Topology,
  context: TopologyContext,
): { readonly key: string; readonly message: string } | undefined {
  const [own, theirs] = [one, other].map(({ tunnel }) => tunnel.control?.authentication);
  if (own === undefined || theirs === undefined) return undefined;
  if (own.mode !== theirs.mode) {
    const key = own.mode === "digest" ? "secret" : "authentication";
    const message = `authentication is ${own.mode} here, and ${theirs.mode} in ${endText(other)}`;
    const give = [own.mode, theirs.mode].includes("digest") ? ": give both ends the secret" : "";
    return { key, message: `${message}${give}` };
  }
  const [ownTexts, theirTexts] = [one, other].map((end) => secretsOf(end, topology, context));
  const isKnown = [...(ownTexts ?? []), ...(theirTexts ?? [])].every((text) => text !== undefined);
  if (own.mode !== "digest" || !isKnown || ownTexts?.some((text) => theirTexts?.includes(text)))
    return undefined;
  return { key: "secret", message: `${endText(other)} has another secret` };
}

/** The secrets of a tunnel as they are in the lab; undefined for those that only the machine knows. */
function secretsOf(
  { of, tunnel }: TunnelEnd,
  { secret: common }: Topology,
  { readFile }: TopologyContext,
): readonly (string | undefined)[] {
  const { wirespan } = of.lcce;
  return (tunnel.control?.authentication.secrets ?? []).map((secret: SecretSource) => {
    if (secret.kind !== "file") return undefined;
    const file = (wirespan?.kind === "file" ? wirespan.files[secret.path] : undefined) ?? secret.path;
    if (file === SECRET_FILE) return common;
    const read = readFile(file);
    return "text" in read ? read.text.replace(/\n$/, "") : undefined;
  });
}

/** What is told at each end: pseudowires that have no partner, or one of another kind. */
function checkPseudowires(end: TunnelEnd, peer: TunnelEnd, report: Report): void {
  const isStatic = end.tunnel.control === undefined;
  if (isStatic !== (peer.tunnel.control === undefined)) return;
  const theirs = peer.tunnel.pseudowires;
  for (const own of end.tunnel.pseudowires) {
    const path = ["tunnels", end.tunnel.name, "pseudowires", own.name];
    const partner = theirs.find((one) =>
      isStatic ? idsFit(own, one) : toHex(own.remoteEndId) === toHex(one.remoteEndId),
    );
    if (partner === undefined && isStatic) checkIds(path, own, peer, report);
    else if (partner === undefined) {
      const id = endIdText(own.remoteEndId);
      const there = choiceText(
        id,
        theirs.map(({ remoteEndId }) => endIdText(remoteEndId)),
      );
      report(path, `no pseudowire of ${endText(peer)} has the remote end id ${id}${there}`, "at key");
    } else {
      if (own.type !== partner.type)
        report(
          [...path, "type"],
          `${own.type} here, and ${partner.type} at ${peer.of.lcce.name}: no session comes up`,
        );
      checkCookie(path, own, partner, peer, report);
    }
  }
}

function idsFit(own: PseudowireConfig, other: PseudowireConfig): boolean {
  return (
    own.staticSession?.localSessionId === other.staticSession?.remoteSessionId &&
    own.staticSession?.remoteSessionId === other.staticSession?.localSessionId
  );
}

function checkIds(path: readonly string[], own: PseudowireConfig, peer: TunnelEnd, report: Report): void {
  const { localSessionId, remoteSessionId } = own.staticSession ?? {};
  const theirs = peer.tunnel.pseudowires.map(({ staticSession }) => staticSession?.localSessionId);
  if (!theirs.includes(remoteSessionId))
    report(
      [...path, "static", "remote_session_id"],
      `no pseudowire of ${endText(peer)} has the local_session_id ${remoteSessionId}${listed(theirs)}`,
    );
  else
    report(
      [...path, "static", "local_session_id"],
      `the pseudowire of ${endText(peer)} with the local_session_id ${remoteSessionId} sends to another ` +
        `session than ${localSessionId}`,
    );
}

function listed(ids: readonly (number | undefined)[]): string {
  return ids.length === 0 ? "" : `; there ${ids.length === 1 ? "is" : "are"} ${ids.join(", ")}`;
}

/** What one end sends has to be what the other one receives. */
function checkCookie(
  path: readonly string[],
  own: PseudowireConfig,
  partner: PseudowireConfig,
  peer: TunnelEnd,
  report: Report,
): void {
  const { name, staticSession } = partner;
  if (own.staticSession === undefined || staticSession === undefined) return;
  const [sent, wanted] = [own.staticSession.transmitCookie, staticSession.receiveCookie].map(toHex);
  const at = `pseudowire ${name} of ${peer.of.lcce.name}`;
  if (sent !== wanted)
    report([...path, "static", "transmit_cookie"], `not the receive_cookie of ${at}, which drops what comes`);
  const [given, taken] = [own.staticSession.transmitSublayer, partner.sublayer];
  if (given !== taken)
    report([...path, "static", "transmit_sublayer"], `${given}, and the sublayer of ${at} is ${taken}`);
}
