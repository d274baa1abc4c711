import type { AvpValue, AvpValues } from "./avp-table.ts";
import type { MessageName, messageTable } from "./message-table.ts";

/** Types of control messages, made from the message table: a missing required AVP does not compile. */

type Table = typeof messageTable;
type RequiredAvp<N extends MessageName> = Table[N]["required"][number];
type OptionalAvp<N extends MessageName> = Table[N]["optional"][number];
/** Required AVPs that a received message may lack. */
type ToleratedAvp<N extends MessageName> = Table[N] extends { readonly tolerated: infer Tolerated }
  ? keyof Tolerated
  : never;

/** AVPs of a message that we send: all required ones, and any of the optional ones. */
export type AvpsOf<N extends MessageName> = { readonly [A in RequiredAvp<N>]: AvpValue<A> } & {
  readonly [A in OptionalAvp<N>]?: AvpValue<A>;
};

/** AVPs of an acceptable message of a peer: the required ones but for tolerated absences, and any other. */
export type ReceivedAvps<N extends MessageName> = AvpValues & {
  readonly [A in Exclude<RequiredAvp<N>, ToleratedAvp<N>>]: AvpValue<A>;
};

/** A control message to be sent, apart from its numbers and its protection (RFC 3931 §6). */
export type ControlMessage<N extends MessageName = MessageName> = {
  readonly [M in N]: { readonly name: M; readonly avps: AvpsOf<M> };
}[N];

/** A received control message that is acceptable by itself: what the decoder found no problem with. */
export type ReceivedMessage<N extends MessageName = MessageName> = {
  readonly [M in N]: { readonly name: M; readonly avps: ReceivedAvps<M> };
}[N];

/** A received control message with a problem, as far as it could be decoded. */
export interface UnacceptableMessage {
  readonly name: MessageName;
  readonly avps: AvpValues;
}
