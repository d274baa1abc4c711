import type { AttachmentCircuit } from "../../src/forwarding/plane.ts";
import type { Encapsulation, PsnPath, SessionParameters } from "../../src/wire/session-parameters.ts";

/** A path from 192.0.2.1 to 192.0.2.2. */
export function pathOver(encapsulation: Encapsulation): PsnPath {
  const port = encapsulation === "udp" ? 1701 : 0;
  return {
    encapsulation,
    localAddress: "192.0.2.1",
    localPort: port,
    remoteAddress: "192.0.2.2",
    remotePort: port,
  };
}

/** A session without cookies, sublayers and numbers, and what a test wants otherwise. */
export function sessionParameters(changes: Partial<SessionParameters> = {}): SessionParameters {
  return {
    pseudowire: "lan",
    path: pathOver("udp"),
    pseudowireType: "ethernet",
    localSessionId: 0x0a0a0001,
    remoteSessionId: 0x0b0b0002,
    receiveCookie: new Uint8Array(0),
    transmitCookie: new Uint8Array(0),
    receiveSublayer: "none",
    transmitSublayer: "none",
    receiveSequencing: "none",
    transmitSequencing: "none",
    transmitAllowed: true,
    remoteCircuitActive: true,
    ...changes,
  };
}

/** A whole port with an MTU of 1500 that keeps nothing back, and what a test wants otherwise. */
export function attachment(changes: Partial<AttachmentCircuit> = {}): AttachmentCircuit {
  return { device: "eth1", linkLocal: "forward", dscp: 0, mtu: 1500, ...changes };
}

/** The attachment of one VLAN. */
export function vlanAttachment(
  id: number,
  idOnPseudowire = id,
  protocol: 0x8100 | 0x88a8 = 0x8100,
  changes: Partial<AttachmentCircuit> = {},
): AttachmentCircuit {
  return attachment({ vlan: { id, idOnPseudowire, protocol }, ...changes });
}
