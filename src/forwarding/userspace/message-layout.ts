/** Sizes and offsets within struct iovec, msghdr and mmsghdr of 64-bit Linux. */
export const VECTOR_OCTETS = 16;
export const VECTOR_LENGTH = 8;
export const MESSAGE_OCTETS = 64;
export const messageFields = {
  name: 0,
  nameLength: 8,
  vector: 16,
  vectorCount: 24,
  control: 32,
  controlLength: 40,
  flags: 48,
  received: 56,
} as const;
