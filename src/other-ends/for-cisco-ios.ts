import type { OtherEnd, OtherPseudowire, OtherSession } from "./other-end.ts";

/** Commands of Cisco IOS in configuration mode. */

/** Where the operator has to put something in. */
const SECRET = "SECRET";
const DOT1Q_TYPE = { 33024: "dot1Q", 34984: "dot1ad" } as const;
const HALF_DIGITS = 8;

/** The lines of the other end; the pseudowires' interfaces are placeholders. */
export function ciscoText(end: OtherEnd, comment: readonly string[]): string {
  const lines = [
    ...comment.map((line) => `! ${line}`),
    ...(end.ours.control === undefined ? [] : controlClass(end)),
    ...end.pseudowires.flatMap((pseudowire, index) => [
      ...pseudowireClass(end, pseudowire),
      ...xconnect(end, pseudowire, index),
    ]),
  ];
  return `${lines.join("\n")}\n`;
}

function className({ ours }: OtherEnd, { ours: { name } }: OtherPseudowire): string {
  return `wirespan-${ours.name}-${name}`;
}

function controlClass(end: OtherEnd): readonly string[] {
  const { ours, hostName, pseudowires } = end;
  const { control } = ours;
  if (control === undefined) return [];
  const { authentication, helloIntervalMs } = control;
  const cookieOctets = Math.max(0, ...pseudowires.map((one) => one.ours.cookieOctets));
  const hash = authentication.digestType === "hmac-sha1" ? "SHA" : "MD5";
  return [
    "!",
    `l2tp-class wirespan-${ours.name}`,
    ...(hostName === undefined ? [] : [` hostname ${hostName}`]),
    ` hello ${Math.min(1000, Math.round(helloIntervalMs / 1000))}`,
    ...(cookieOctets === 0 ? [] : [` cookie size ${cookieOctets}`]),
    ...(authentication.mode === "digest"
      ? [
          `! In place of ${SECRET}, the shared secret of this tunnel:`,
          ` digest secret ${SECRET} hash ${hash}`,
        ]
      : []),
    ...(authentication.hideAvps ? [" hidden"] : []),
  ];
}

function pseudowireClass(end: OtherEnd, pseudowire: OtherPseudowire): readonly string[] {
  const { ours, session } = pseudowire;
  const receives = (session?.sequencing ?? ours.sequencing) !== "none";
  const transmits = (session?.transmitSequencing ?? ours.sequencing) !== "none";
  const direction = receives && transmits ? "both" : receives ? "receive" : "transmit";
  return [
    "!",
    `pseudowire-class ${className(end, pseudowire)}`,
    " encapsulation l2tpv3",
    session === undefined ? ` protocol l2tpv3ietf wirespan-${end.ours.name}` : " protocol none",
    ...(receives || transmits ? [` sequencing ${direction}`] : []),
    `! The interface that has ${end.local ?? "its address"}:`,
    " ip local interface Loopback0",
  ];
}

function xconnect(end: OtherEnd, pseudowire: OtherPseudowire, index: number): readonly string[] {
  const { vlan, session, endId } = pseudowire;
  const port = `GigabitEthernet0/${index + 1}`;
  const circuitId = session === undefined ? endId : circuitIdOf(pseudowire, session);
  const manual = session === undefined ? "" : "encapsulation l2tpv3 manual ";
  return [
    "!",
    "! The interface that this pseudowire carries:",
    ...(vlan === undefined
      ? [`interface ${port}`, " no ip address"]
      : [`interface ${port}.${vlan.id}`, ` encapsulation ${DOT1Q_TYPE[vlan.protocol]} ${vlan.id}`]),
    ` xconnect ${end.remote} ${circuitId} ${manual}pw-class ${className(end, pseudowire)}`,
    ...(session === undefined ? [] : manualLines(session)),
  ];
}

/** A number for a circuit that nobody else is told. */
function circuitIdOf({ endId }: OtherPseudowire, session: OtherSession): number | string {
  return /^[1-9]\d{0,9}$/.test(String(endId)) ? endId : session.localSessionId;
}

function manualLines(session: OtherSession): readonly string[] {
  return [
    `  l2tp id ${session.localSessionId} ${session.remoteSessionId}`,
    ...cookieLine("local", session.receiveCookie),
    ...cookieLine("remote", session.transmitCookie),
  ];
}

/** The cookie that this end demands is its local one. The four octets sent last are the low value. */
function cookieLine(end: "local" | "remote", digits: string): readonly string[] {
  if (digits === "") return [];
  const [first, last] = [digits.slice(0, HALF_DIGITS), digits.slice(HALF_DIGITS)];
  return last === ""
    ? [`  l2tp cookie ${end} 4 0x${first}`]
    : [`  l2tp cookie ${end} 8 0x${last} 0x${first}`];
}
