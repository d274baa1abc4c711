import { close } from "../../os/libc.ts";
import { openPacketSocket } from "../../os/sockets.ts";
import { openTap } from "../../os/tap-device.ts";
import type { CircuitDevice } from "../plane.ts";
import type { WorkerDevice } from "./commands.ts";

/** Opens the descriptors by which the worker sends to a circuit and receives from it. Throws SystemError. */
export function openDevice({ kind, name, mtu, proxyInterfaces }: CircuitDevice): WorkerDevice {
  if (proxyInterfaces === undefined) {
    const fd = kind === "tap" ? openTap(name, mtu) : openPacketSocket(name);
    return { fd, readFd: fd, kind, name, sendsBy: name };
  }
  const fd = openPacketSocket(proxyInterfaces.transmit, { receives: false });
  try {
    return {
      fd,
      // GSO packets returned there may have to be segmented, which only the queue does.
      readFd: openPacketSocket(proxyInterfaces.receive, { bypassesQueue: false }),
      kind: "interface",
      name,
      sendsBy: proxyInterfaces.transmit,
    };
  } catch (error) {
    close(fd);
    throw error;
  }
}

export function circuitDescriptorsOf({ fd, readFd }: WorkerDevice): readonly number[] {
  return fd === readFd ? [fd] : [fd, readFd];
}
