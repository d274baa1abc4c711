import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { checkTable, doctorChecks } from "../src/doctor/check-table.ts";
import { type CheckGroup, checkGroups } from "../src/doctor/outcome.ts";

const file = new URL("../docs/doctor.md", import.meta.url);

const LINE_COLUMNS = 110;

/** A paragraph of lines that end within the columns; the second one on with `margin`. */
function wrapped(text: string, margin: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > LINE_COLUMNS) {
      lines.push(line);
      line = margin + word;
    } else line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line].join("\n");
}

function listOf(group: CheckGroup): string {
  const names = doctorChecks.filter((name) => checkTable[name].group === group);
  return names
    .map((name) => {
      const { looksAt, why, remedy } = checkTable[name];
      return wrapped(`- \`${name}\`: ${looksAt}. _Why:_ ${why}. _What mends it:_ ${remedy}.`, "  ");
    })
    .join("\n");
}

function reference(): string {
  const groups = Object.keys(checkGroups) as readonly CheckGroup[];
  return `# Doctor

Made from the tables of \`src/doctor\` by \`npm run docs\`; do not edit.

\`sudo wirespan doctor\` says what is wrong here before anybody asks: with the machine, with a file on this
machine, and with the daemon that runs. Each finding has what it is, why it matters, and where there is one
the command that mends it, with the names and addresses of this machine, to be pasted.

    error    chain inet filter input, which drops what no rule accepts, looks as if
             it drops UDP 1701 of 192.0.2.2
             at /etc/wirespan.yaml:5:13
             run: nft insert rule inet filter input ip saddr 192.0.2.2 udp dport 1701 accept
             do:  put it into what loads your rules at the start too, such as
                  /etc/nftables.conf
             why: without them a tunnel stays in wait-ctl-reply; or data is lost
                  where control messages pass (firewall-in)

- \`wirespan doctor -c FILE\` looks at what that file needs. Without \`-c\` it is the file of the daemon
  that answers at the control socket (\`--socket\`, else \`WIRESPAN_SOCKET\`, else the default); without a
  daemon the machine alone is looked at.
- **error**: something does not work, or will not. **warning**: it works, but worse than it could, or not for
  long. **note**: worth knowing. What is in order is counted; \`--verbose\` lists it. The exit code is 1 where
  there are errors, otherwise 0.
- \`wirespan check --here FILE\` is the part of it that is about keys of the file, errors and warnings alone,
  in one pass with the problems of the file, each with its line. It asks no peer and does not wait. Its exit
  code is 3 for an invalid file, 1 where something of a valid one cannot work here. \`wirespan check FILE\`
  says what is true of the file on every machine.
- Nothing is changed. Peers get three ICMP echo requests at most and nothing else; names are looked up; the
  programs \`nft\`, \`iptables-legacy-save\`, \`ip\` and \`systemctl\` are asked where they are installed.
  Where no daemon forwards by eBPF, root tries an eBPF program that does nothing at the loopback interface
  for a moment.
- Each look has a limit of some seconds. Of more than 512 tunnels the first 512 are looked at, and 128 peers
  are asked for an echo.
- Root sees most. What cannot be seen, and why, is told under "Not looked at".
- "Looks as if" is said of packet filters: rules whose conditions are not understood prove nothing, and are
  passed over.

\`wirespan doctor --json\` prints an object with stable keys:

- \`findings[]\`, the worst first: \`check\`, \`group\`, \`severity\` (\`error\`, \`warning\` or
  \`note\`), \`what\`, \`why\`, \`commands[]\`, and where they are known \`advice\`, \`key\` (that of the
  file, such as \`tunnels.hq.remote\`) and \`at\` (its file, line and column)
- \`ok[]\`: the checks that looked and found nothing
- \`unseen[]\`: \`check\`, and \`why\` it could not look

${groups.map((group) => `## ${checkGroups[group]}\n\n${listOf(group)}`).join("\n\n")}
`;
}

test("docs/doctor.md is what the tables of checks say", () => {
  if (process.env["UPDATE_DOCS"] !== undefined) writeFileSync(file, reference());
  expect(readFileSync(file, "utf8")).toBe(reference());
});

test("no two checks have one name, and what is told of them fits into the document", () => {
  for (const name of doctorChecks) {
    const { looksAt, why, remedy } = checkTable[name];
    for (const text of [looksAt, why, remedy]) expect(text).not.toMatch(/\n|\.$/);
  }
});
