import { z } from "zod";
import { canonicalAddress } from "../bytes/ip-address.ts";
import { isHostName } from "./ends.ts";
import { listenAddressOf, listenProblem, listenText } from "./listen-address.ts";
import { rowsFor } from "./rows.ts";
import { secretSourceOf, secretText } from "./secret-source.ts";
import { secretFields } from "./value-schemas.ts";

/** Most addresses and names: each may have its bounded number of connections. */
const MOST_LISTENERS = 8;
const MOST_HOSTS = 64;

const row = rowsFor<undefined, "daemon">();

const listenAddress = z.string().superRefine((text, context) => {
  const message = listenProblem(text);
  if (message !== undefined) context.addIssue({ code: "custom", message });
});

const host = z
  .string()
  .refine(
    (text) => isHostName(text) || canonicalAddress(text) !== undefined,
    "wanted a DNS name or an address, without port and brackets",
  );

/** TABLE: keys of `http:`, the listener for what may be read over HTTP. */
export const httpRows = {
  listen: row(z.union([listenAddress, z.array(listenAddress).min(1).max(MOST_LISTENERS)]).optional(), {
    name: "listen",
    consumer: "daemon",
    reload: "in place",
    value: (listen = []) => (typeof listen === "string" ? [listen] : listen).map(listenAddressOf),
    inFile: (listen) => {
      const texts = listen.map(listenText);
      return texts.length > 1 ? texts : texts[0];
    },
    help:
      "Where metrics, status and events may be read over HTTP: `ADDRESS:PORT`, `[IPV6-ADDRESS]:PORT`, " +
      "`unix:PATH` for a Unix socket, or a list of them. An address that others than this machine reach " +
      "needs a `token`. Default: nowhere.",
  }),
  token: row(secretFields.optional(), {
    name: "token",
    consumer: "daemon",
    reload: "in place",
    value: (raw) => (raw === undefined ? undefined : secretSourceOf(raw)),
    inFile: (source) => (source === undefined ? undefined : secretText(source)),
    help:
      "What a client must have, at every address of `listen`: sent as `Authorization: Bearer TOKEN`, " +
      "or opened once by a browser as `?token=TOKEN`. From 16 to 512 printable characters of US-ASCII " +
      "without blanks, such as `openssl rand -hex 32` makes. Exactly one of `file`, `credential` and " +
      "`env`, read at the start and at each reload.",
  }),
  hosts: row(z.array(host).max(MOST_HOSTS).default([]), {
    name: "hosts",
    consumer: "daemon",
    reload: "in place",
    value: (hosts): readonly string[] =>
      hosts.map((text) => canonicalAddress(text)?.text ?? text.toLowerCase()),
    help:
      "Names and addresses, without port, by which clients call the addresses of `listen`, beside these " +
      "themselves and `localhost`. Requests for any other `Host` are refused: a page from elsewhere could " +
      "have its name lead here.",
  }),
} as const;
