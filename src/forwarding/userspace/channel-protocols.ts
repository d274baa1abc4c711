import type { ChannelProtocolKind } from "../channel.ts";
import { vccvEcho } from "../vccv-echo.ts";

/**
 * TABLE: the protocols that run on control channels in the worker. To add one, add its kind, which names its
 * channel types and types the options that it takes; messages of channel types that none takes go to the main
 * thread.
 */
export const channelProtocols: readonly ChannelProtocolKind[] = [vccvEcho];
