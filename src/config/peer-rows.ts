import { z } from "zod";
import { peerKinds } from "./peer-kinds.ts";
import { part } from "./rows.ts";

/** TABLE: keys of a tunnel that are nothing but defaults of others: `Config` has what they set. */
export const presetRows = {
  peer: part(z.enum(peerKinds).optional(), {
    name: "peer",
    consumer: "preset",
    reload: "replace",
    help:
      "What the other end runs. It sets other keys of the tunnel and its pseudowires, which may have " +
      "values of their own, and `wirespan check` reports what that implementation cannot do: see below. " +
      "In a tunnel it counts before `defaults`, in `defaults` after the keys there. " +
      "`wirespan peer-config` prints what to write at the other end. A change of it alone changes nothing.",
  }),
} as const;
