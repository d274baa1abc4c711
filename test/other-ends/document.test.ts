import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { abilitiesOf } from "../../src/config/peer-kinds.ts";
import { peerConfig } from "../../src/other-ends/peer-config.ts";
import { type WrittenPeer, writtenPeers } from "../../src/other-ends/written-peers.ts";
import { configOf } from "../support/configuration.ts";

/** docs/other-ends.md has an example for each implementation, which the program itself wrote. */

const file = new URL("../../docs/other-ends.md", import.meta.url);
const [BEGIN, END] = ["<!-- examples -->\n", "<!-- /examples -->"];

const staticKeys = "static: { local_session_id: 1001, remote_session_id: 2002 }";
/** TABLE: what the pseudowire of an example has beside its circuit. */
const pseudowires: Readonly<Record<WrittenPeer, string>> = {
  wirespan: "",
  linux: staticKeys,
  networkd: staticKeys,
  vyos: staticKeys,
  "cisco-ios": 'remote_end_id: "1234"',
  mikrotik: "",
  freertr: "",
  seil: "",
  yamaha: "",
};

function exampleOf(kind: WrittenPeer): string {
  const keys = pseudowires[kind] === "" ? "" : `, ${pseudowires[kind]}`;
  const secret = kind === "wirespan" || kind === "cisco-ios" ? "    secret: { file: /etc/hq.secret }\n" : "";
  const ours = `lcce: { host_name: hq }
tunnels:
  depot:
    peer: ${kind}
    local: 192.0.2.1
    remote: 192.0.2.2
${secret}    pseudowires:
      lan: { circuit: { interface: eth1 }${keys} }
`;
  const config = configOf(ours);
  const [tunnel] = config.tunnels;
  const written = tunnel && peerConfig(config, tunnel, kind);
  expect(written?.obstacles).toEqual([]);
  const title = abilitiesOf(kind).title.replace(/^t/, "T");
  return `### ${title}\n\nOurs:\n\n\`\`\`yaml\n${ours}\`\`\`\n\nThere:\n\n\`\`\`\n${written?.text}\`\`\`\n`;
}

test("the examples are what the program writes", () => {
  const text = readFileSync(file, "utf8");
  const [before = "", rest = ""] = text.split(BEGIN);
  const [, after = ""] = rest.split(END);
  const made = `${before}${BEGIN}\n${writtenPeers.map(exampleOf).join("\n")}\n${END}${after}`;
  if (process.env["UPDATE_DOCS"] !== undefined) writeFileSync(file, made);
  expect(readFileSync(file, "utf8"), "write it anew with UPDATE_DOCS=1").toBe(made);
});
