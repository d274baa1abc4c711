import { close } from "../../os/libc.ts";
import { openPacketSocket, openTap } from "../../os/sockets.ts";
import type { CircuitDevice } from "../plane.ts";
import type { WorkerCircuit } from "./commands.ts";

/** The descriptors that a circuit is written to and read from. Throws SystemError. */
export function openDevice({ kind, name, mtu, proxyInterfaces: standIns }: CircuitDevice): WorkerCircuit {
  if (standIns === undefined) {
    const fd = kind === "tap" ? openTap(name, mtu) : openPacketSocket(name);
    return { fd, readFd: fd, kind, name, sendsBy: name };
  }
  const fd = openPacketSocket(standIns.transmit, { receives: false });
  try {
    return {
      fd,
      // What goes back there may have to be cut, which only the queue does.
      readFd: openPacketSocket(standIns.receive, { bypassesQueue: false }),
      kind: "interface",
      name,
      sendsBy: standIns.transmit,
    };
  } catch (error) {
    close(fd);
    throw error;
  }
}

export function descriptorsOf({ fd, readFd }: WorkerCircuit): readonly number[] {
  return fd === readFd ? [fd] : [fd, readFd];
}
