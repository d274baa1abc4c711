import { randomBytes } from "node:crypto";
import type { Random } from "../environment.ts";

/** Octets that nobody can predict: cookies, nonces and identifiers rest on them (RFC 3931 §8.2). */
export const cryptoRandom: Random = { octets: (length) => new Uint8Array(randomBytes(length)) };
