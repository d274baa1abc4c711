import { expect, test } from "vitest";
import { jsonSchema } from "../../src/config/reference.ts";
import { configOf, linesOf } from "../support/configuration.ts";

/** A file with a mapping at every place where keys are fixed, each with the keys of `x`. */
const fileOf = (x: string) => `${x === "" ? "" : `${x.slice(2)}\n`}lcce: { host_name: n${x} }
log: { level: info${x} }
bridges: { lan: { mtu: 1400, interfaces: { eth9: { pvid: 3${x}, storm_limits: { broadcast: 5${x} } }
  }, vlan_filtering: true${x} } }
defaults:
  ${x === "" ? "" : `${x.slice(2)}\n  `}tunnel: { local: 192.0.2.1${x} }
  pseudowire:
    ${x === "" ? "" : `${x.slice(2)}\n    `}circuit: { port: { isolated: false${x} }${x} }
    static: { receive_cookie: "00112233"${x} }
tunnels:
  a:
    remote: { any: [192.0.2.0/24]${x} }
    secret: { file: s${x} }
    pseudowires: { al: { mtu: 1400, circuit: { tap: t, bridge: lan, port: { pvid: 7${x} }${x} }${x} } }
  b: { remote: 198.51.100.1, control: static${x}, pseudowires: { bl: {
    circuit: { interface: eth1 }, static: { local_session_id: 1, remote_session_id: 2${x} } } } }
`;

test("keys that begin with x- mean nothing in any mapping of fixed keys, whatever they hold", () => {
  for (const value of ["5", "{ tunnels: [1] }", "[{ a: b }]", "~"])
    expect(configOf(fileOf(`, x-own: ${value}`))).toEqual(configOf(fileOf("")));
});

test("tunnels, pseudowires, bridges and interfaces may have such names", () => {
  const { tunnels, bridges } = configOf(
    "bridges: { x-br: { interfaces: { x-eth: { x-note: 1 } } } }\n" +
      "tunnels: { x-ray: { remote: 192.0.2.2, pseudowires: { x-lan: { circuit: { tap: x-tap } } } } }\n",
  );
  expect(tunnels.map(({ name, pseudowires }) => [name, pseudowires[0]?.name])).toEqual([["x-ray", "x-lan"]]);
  expect(bridges.map(({ name, interfaces }) => [name, interfaces[0]?.device])).toEqual([["x-br", "x-eth"]]);
});

test("what is merged from below them is checked where it is written, once, and only if it is taken", () => {
  const text = `x-all:
  slow: &slow { hello_interval_s: soon }
  fast: &fast { hello_interval_s: 1 }
  both: &both { <<: [*fast, *slow], retransmit_limit: none }
tunnels:
  a: { <<: [*both, *slow], remote: 192.0.2.2, x-merged: { <<: *slow } }
  b: { <<: *both, remote: 192.0.2.3 }
`;
  expect(linesOf(text)).toEqual(["4:55 tunnels.a.retransmit_limit: wanted a number from 1 to 100"]);
  expect(linesOf(text.replace("none", "5").replace("[*both, *slow]", "[*slow, *both]"))).toEqual([
    "2:35 tunnels.a.hello_interval_s: wanted a number from 0 to 3600",
  ]);
});

test("merge keys are taken in every mapping of the file, also in those of names", () => {
  const text = `x-p: &port { isolated: false, pvid: 3 }
x-q: &limits { broadcast: 5 }
x-s: &some { a: { remote: 192.0.2.2 } }
x-c: &circuit { bridge: lan, port: { <<: *port } }
x-d: &pseudowire { mtu: 1400, circuit: { <<: *circuit, tap: t } }
lcce: { <<: { host_name: merged } }
bridges: { lan: { vlan_filtering: true, interfaces: { eth9: { <<: *port, storm_limits: { <<: *limits } } } } }
tunnels: { <<: *some, b: { remote: 192.0.2.3, pseudowires: { <<: { bl: *pseudowire } } } }
`;
  const { lcce, bridges, tunnels } = configOf(text);
  expect(lcce.hostName).toBe("merged");
  expect(bridges[0]?.interfaces[0]).toMatchObject({ isolated: false, pvid: 3 });
  expect(tunnels.map(({ name }) => name)).toEqual(["b", "a"]);
  expect(tunnels[0]?.pseudowires[0]?.circuit).toMatchObject({
    device: "t",
    bridge: "lan",
    port: { pvid: 3 },
  });
  // By merge keys where it is written, and by an alias at that.
  expect(linesOf(text.replace("pvid: 3", "pvid: none"))).toEqual([
    "1:37 bridges.lan.interfaces.eth9.pvid: wanted a number from 0 to 4094: write 0 for none",
    "8:72 tunnels.b.pseudowires.bl.circuit.port.pvid: wanted a number from 0 to 4094: write 0 for none",
  ]);
});

test("editors allow them wherever keys are fixed", () => {
  const found: string[] = [];
  const walk = (part: unknown, path: string): void => {
    if (typeof part !== "object" || part === null) return;
    if ("properties" in part && !("patternProperties" in part)) found.push(path);
    for (const [key, inner] of Object.entries(part)) walk(inner, `${path}.${key}`);
  };
  walk(jsonSchema(), "");
  expect(found).toEqual([]);
});
