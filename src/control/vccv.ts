import type { AvpValue, AvpValues } from "../wire/avp-table.ts";
import { generalError, RESULT_GENERAL_ERROR } from "../wire/result-codes.ts";
import {
  type L2SpecificSublayer,
  type SessionParameters,
  sublayerNumber,
} from "../wire/session-parameters.ts";
import { controlChannelTypes, verificationTypes } from "../wire/vccv.ts";
import type { PseudowireSettings } from "./settings.ts";

/**
 * What two ends agree on of VCCV (RFC 5085 §4, §6.3): the VCCV Capability AVP of ICRQ and ICRP says what its
 * sender takes, for the life of the session; what both sent may be used.
 */

/** The value of the VCCV Capability AVP. */
export type VccvCapability = AvpValue<"vccvCapability">;

/** The AVP by which we offer what is configured; none where that is nothing (RFC 5085 §6.3.1). */
export function vccvAvp(settings: Pick<PseudowireSettings, "vccv" | "sublayer">): {
  vccvCapability?: VccvCapability;
} {
  if (settings.vccv !== "echo" || settings.sublayer === "none") return {};
  return {
    vccvCapability: {
      controlChannelTypes: controlChannelTypes.l2SpecificSublayer,
      connectivityVerificationTypes: verificationTypes.icmpPing,
    },
  };
}

/**
 * Why a call is refused for its VCCV Capability AVP: the channel in the sublayer is offered by a message that
 * asks for no such sublayer (RFC 5085 §6.3.1). Undefined where it is acceptable.
 */
export function vccvRefusal({
  vccvCapability,
  l2SpecificSublayer,
}: AvpValues):
  | { readonly resultCode: number; readonly errorCode: number; readonly text: string }
  | undefined {
  const offered = vccvCapability?.controlChannelTypes ?? 0;
  if ((offered & controlChannelTypes.l2SpecificSublayer) === 0) return undefined;
  if ((l2SpecificSublayer ?? sublayerNumber.none) !== sublayerNumber.none) return undefined;
  const text = "VCCV in the L2-Specific Sublayer was offered without such a sublayer (RFC 5085)";
  return { resultCode: RESULT_GENERAL_ERROR, errorCode: generalError.outOfRange, text };
}

/** What a peer wants of the data messages that it receives, and offered. */
interface Offered {
  readonly sublayer: L2SpecificSublayer;
  readonly vccv?: VccvCapability | undefined;
}

/** The parameters of a session that are about VCCV: what both ends offered. */
export function agreedVccv(
  settings: Pick<PseudowireSettings, "vccv" | "sublayer">,
  { sublayer, vccv: theirs }: Offered,
): Pick<SessionParameters, "vccvControlChannel" | "vccvEcho"> {
  const { vccvCapability: ours } = vccvAvp(settings);
  if (ours === undefined || theirs === undefined || sublayer === "none") return {};
  if ((ours.controlChannelTypes & theirs.controlChannelTypes) === 0) return {};
  const types = ours.connectivityVerificationTypes & theirs.connectivityVerificationTypes;
  const isEcho = (types & verificationTypes.icmpPing) !== 0;
  return { vccvControlChannel: "l2-specific-sublayer", ...(isEcho ? { vccvEcho: true } : {}) };
}
