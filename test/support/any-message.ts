import type { AvpValues } from "../../src/wire/avp-table.ts";
import type { ControlMessage, MessageName } from "../../src/wire/message.ts";

/** A message with any AVPs, also without those that its type demands: what a peer may send. */
export function anyMessage(name: MessageName, avps: AvpValues = {}): ControlMessage {
  return { name, avps } as ControlMessage;
}
