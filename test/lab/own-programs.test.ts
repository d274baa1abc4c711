import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NetworkCommands } from "../../src/lab/network/commands.ts";
import { eventually, type Lab, MAIN } from "../support/lab.ts";
import { TestNamespace } from "../support/namespace.ts";
import { WrittenLab } from "../support/written-labs.ts";

/** Files and programs of the user's own in a lab, and in which order they start. */

/** A configuration as it is on a machine, with the names of its interfaces and files. */
const ownFile = `# Branch, as installed.
lcce:
  host_name: branch
  control_socket: /run/wirespan.sock
log: { level: info }
tunnels:
  hq:
    local: 192.0.2.1 # at ens3
    remote: 192.0.2.2
    secret: { file: /etc/wirespan.secret }
    pseudowires:
      lan: { circuit: { interface: eth1 } }
`;

/** A peer that somebody starts by hand. */
const peer = `#!/bin/sh -e
cat >$RUN/peer.yaml <<END
lcce: { control_socket: $RUN/by-hand.sock }
tunnels:
  branch:
    local: 192.0.2.2
    remote: 192.0.2.1
    secret: { file: $PWD/lab-secret }
    pseudowires: { lan: { circuit: { interface: trunk } } }
END
echo "$NODE in $PWD"
exec ${process.execPath} ${MAIN} run -c $RUN/peer.yaml
`;

const topology = `
networks: { internet: { mtu: 1600 } }
lans: { left: {}, right: {}, third: {} }
hosts:
  l1: { lan: left, address: 10.0.0.1/24, http: 80 }
  r1: { lan: right, address: 10.0.0.2/24 }
  first: { lan: third, address: 10.1.0.1/24, http: 80 }
  second: { lan: third, address: 10.1.0.2/24, after: [first, branch], run: "ls $RUN >$RUN/second.seen" }
  byhand: { lan: third, address: 10.1.0.3/24, start: manual, http: 80 }
lcces:
  branch:
    lan: left
    wan: { internet: 192.0.2.1/24 }
    wirespan:
      file: ./branch.yaml
      ports: { eth1: trunk, ens3: internet }
      files: { /etc/wirespan.secret: ./lab-secret }
  peer: { lan: right, wan: { internet: 192.0.2.2/24 }, run: ./peer.sh }
`;

describe("programs of one's own", () => {
  let written: WrittenLab;
  let lab: Lab;
  beforeAll(async () => {
    const files = { "branch.yaml": ownFile, "peer.sh": peer, "lab-secret": "of this lab\n" };
    written = await WrittenLab.up("own", topology, files);
    lab = written.lab;
  });
  afterAll(() => written?.[Symbol.asyncDispose]());

  test("a file of one's own keeps all but what is the lab's; a script is its peer", async () => {
    await lab.reached("r1", "10.0.0.1");
    const text = readFileSync(lab.path("/run/wirespan-branch.yaml"), "utf8");
    expect(text).toContain("# Branch, as installed.");
    expect(text).toContain("local: 192.0.2.1 # at ens3");
    expect(text).toContain("interface: eth1");
    expect(text).toContain("control_socket: /run/wirespan-branch.sock");
    expect(text).not.toContain("/etc/wirespan.secret");
    const { stdout } = await lab.exec("branch", "ip", "-br", "addr", "show", "dev", "ens3");
    expect(stdout).toContain("192.0.2.1/24");
    expect(readFileSync(lab.path("/run/peer.log"), "utf8")).toMatch(/^peer in \/.*wirespan-lab-/);
    expect((await lab.status("branch")).controlConnections[0]?.state).toBe("established");
  });

  test("a program starts once those are up that it waits for", async () => {
    await eventually("it has started", () => existsSync(lab.path("/run/second.seen")));
    const seen = readFileSync(lab.path("/run/second.seen"), "utf8").split("\n");
    expect(seen).toContain("first-http.up");
    expect(seen).toContain("wirespan-branch.sock");
  });

  test("what is started by hand is not there", () => {
    for (const file of ["byhand-http.up", "byhand-http.log"])
      expect(existsSync(lab.path(`/run/${file}`)), file).toBe(false);
  });
});

test("a command that fails ends building, with the command and what it said", async () => {
  await using namespace = await TestNamespace.make(`wirespan-build-${process.pid}`);
  const commands = new NetworkCommands();
  commands.inside(namespace.name, "link set dev left up");
  commands.inside(namespace.name, "link set dev nothing up");
  commands.inside(namespace.name, "link set dev right up");
  await expect(commands.carryOut()).rejects.toThrow(
    new RegExp(`ip -n ${namespace.name} link set dev nothing up: failed; it said: .*nothing`),
  );
});

test("a program that is not installed is told before anything is built", async () => {
  const text =
    "needs: [no-such-program]\nnetworks: { n: {} }\nrouters: { r: { ports: { n: 192.0.2.1/24 } } }";
  await expect(WrittenLab.up("wrong", text)).rejects.toThrow(
    "needs: no-such-program is not installed, or not in PATH",
  );
});
