import { resolve } from "node:path";
import { canonicalAddress } from "../../bytes/ip-address.ts";
import { isInSubnet, plainAddresses, prefixedAddress } from "../../bytes/subnets.ts";
import type { CircuitConfig, Config, ConfigProblem, TunnelConfig } from "../../config/config.ts";
import type { Issue } from "../../config/issues.ts";
import type { KeyPath } from "../../config/schema-text.ts";
import { RUN } from "../nodes.ts";
import type { TopologyContext } from "./context.ts";
import { choiceText } from "./declared.ts";
import { type Report, reported, type Scope } from "./scope.ts";
import {
  type LabLcce,
  type LabNode,
  nodesOf,
  type Segment,
  segmentNamed,
  type Topology,
} from "./topology.ts";

/** What the configuration of a Wirespan needs of the lab around it. */

/** The configuration of one LCCE, as far as it is valid, and how its issues become problems of a file. */
export interface LcceConfiguration {
  readonly lcce: LabLcce;
  readonly config: Config;
  readonly located: (issues: readonly Issue[]) => readonly ConfigProblem[];
}

/** Problems between the configurations of Wirespans and the lab. */
export function checkConfigurations(
  { topology }: Scope,
  configurations: readonly LcceConfiguration[],
  context: TopologyContext,
): readonly ConfigProblem[] {
  return configurations.flatMap(({ lcce, config, located }) =>
    located(
      reported((report) => {
        for (const tunnel of config.tunnels) checkTunnel(tunnel, lcce, topology, context, report);
      }),
    ),
  );
}

function checkTunnel(
  tunnel: TunnelConfig,
  lcce: LabLcce,
  topology: Topology,
  context: TopologyContext,
  report: Report,
): void {
  const path = ["tunnels", tunnel.name];
  const { local, remote } = tunnel;
  if (local.kind === "address") checkLocal([...path, "local"], local.address, lcce, report);
  if (remote.kind === "address") checkRemote([...path, "remote"], remote.address, lcce, topology, report);
  const secrets = tunnel.control?.authentication.secrets ?? [];
  for (const [index, secret] of secrets.entries()) {
    const at = [...path, index === 0 ? "secret" : "next_secret"];
    if (secret.kind === "file") checkSecretFile(at, secret.path, lcce, topology, context, report);
    else if (secret.kind === "credential")
      report(
        at,
        `daemons of a lab get no credentials: write \`{ file: ${SECRET_FILE} }\`, and \`secret:\` at the top`,
      );
  }
  for (const { name, circuit } of tunnel.pseudowires)
    checkCircuit([...path, "pseudowires", name, "circuit"], circuit, lcce, report);
}

/** Warnings of pseudowires that drop the longest frames of their LANs. */
export function checkCircuitMtus(
  topology: Topology,
  configurations: readonly LcceConfiguration[],
): readonly ConfigProblem[] {
  return configurations.flatMap(({ lcce, config, located }) =>
    located(
      reported((report) => {
        for (const { name: tunnel, pseudowires } of config.tunnels)
          for (const { name, circuit, mtu } of pseudowires) {
            const lan = lanOfCircuit(circuit, lcce, topology);
            if (lan !== undefined && lan.mtu > mtu)
              report(
                ["tunnels", tunnel, "pseudowires", name, "mtu"],
                `${lan.name} has an MTU of ${lan.mtu}, and packets beyond ${mtu} octets are dropped as ` +
                  `oversize: write mtu: ${lan.mtu}`,
                "at key",
              );
          }
      }),
    ),
  );
}

/** The segment whose frames a circuit gets; undefined where the lab does not know it. */
function lanOfCircuit(
  { kind, device, bridge }: CircuitConfig,
  lcce: LabLcce,
  topology: Topology,
): Segment | undefined {
  const isBridge = [device, bridge].includes(lcce.bridge) && lcce.bridge !== undefined;
  const name = isBridge ? lcce.trunk : kind === "interface" ? device : undefined;
  const port = lcce.ports.find((one) => one.name === name);
  return port === undefined ? undefined : segmentNamed(topology, port.segment);
}

/** Addresses of a node, without prefix lengths; undefined where it gets some of them by DHCP. */
function addressesOf({ ports }: LabNode): readonly string[] | undefined {
  if (ports.some(({ addresses }) => addresses === "dhcp")) return undefined;
  return ports.flatMap(plainAddresses);
}

function canonical(address: string): string {
  return canonicalAddress(address)?.text ?? address;
}

function checkLocal(path: KeyPath, local: string, lcce: LabLcce, report: Report): void {
  const own = addressesOf(lcce);
  // Another program may be what gives it addresses.
  if (own === undefined || own.map(canonical).includes(local)) return;
  const has = own.length === 0 ? "it has none" : `it has ${own.join(", ")}`;
  report(path, `${local} is no address of ${lcce.name}: ${has}`);
}

function checkRemote(path: KeyPath, remote: string, lcce: LabLcce, topology: Topology, report: Report): void {
  const others = nodesOf(topology).filter(({ name, kind }) => name !== lcce.name && kind !== "host");
  const known = others.map(addressesOf);
  if (known.some((addresses) => addresses?.map(canonical).includes(remote))) return;
  // What is leased is known only in the lab.
  const leased = others.flatMap(({ ports }) => ports.filter(({ addresses }) => addresses === "dhcp"));
  const isLeased = leased.some(({ segment }) =>
    subnetsIn(topology, segment).some((subnet) => isInSubnet(remote, subnet)),
  );
  if (isLeased) return;
  const family = remote.includes(":");
  const choices = known.flatMap((addresses) => addresses ?? []).filter((one) => one.includes(":") === family);
  const there = choices.length === 0 ? "" : `; LCCEs and routers have ${choices.join(", ")}`;
  report(path, `nobody in this topology has the address ${remote}${there}`);
}

/** The subnets that a segment has by its own keys, or by the addresses of ports in it. */
function subnetsIn(topology: Topology, segment: string) {
  const own = segmentNamed(topology, segment)?.subnets ?? [];
  const ports = nodesOf(topology).flatMap((node) => node.ports.filter((port) => port.segment === segment));
  const ofPorts = ports.flatMap(({ addresses }) => (addresses === "dhcp" ? [] : addresses));
  return [...own, ...ofPorts].flatMap((text) => prefixedAddress(text) ?? []);
}

/** Where a lab has the secret of its topology. */
export const SECRET_FILE = `${RUN}/wirespan.secret`;

function checkSecretFile(
  path: KeyPath,
  file: string,
  { wirespan, name }: LabLcce,
  { secret }: Topology,
  { exists, fileProblem }: TopologyContext,
  report: Report,
): void {
  if (wirespan?.kind === "file" && Object.hasOwn(wirespan.files, file)) return;
  if (file === SECRET_FILE) {
    if (secret === undefined)
      report(path, `${SECRET_FILE} is made of \`secret:\` at the top of the topology, which is missing`);
  } else if (file.startsWith(`${RUN}/`))
    report(
      path,
      `${file} is not in the lab, which has a ${RUN} of its own: write ${SECRET_FILE} and \`secret:\``,
    );
  else if (!exists(resolve("/", file))) {
    const map =
      wirespan?.kind === "file"
        ? `; map it: \`files: { ${file}: ./FILE }\` in lcces.${name}.wirespan`
        : `; for one of the lab write { file: ${SECRET_FILE} }, and \`secret:\` at the top`;
    report(path, `there is no file ${file} on this machine${map}`);
  } else {
    const problem = fileProblem(resolve("/", file));
    if (problem !== undefined) report(path, `${problem}: nothing is read from it`);
  }
}

function checkCircuit(path: KeyPath, circuit: CircuitConfig, lcce: LabLcce, report: Report): void {
  const ports = lcce.ports.map(({ name }) => name);
  const { device, kind, bridge } = circuit;
  if (kind === "interface" && !ports.includes(device) && device !== lcce.bridge)
    checkPort([...path, "interface"], device, lcce, report);
  if (kind === "tap" && ports.includes(device))
    report([...path, "tap"], `${device} is a port of ${lcce.name}: a TAP device needs a name of its own`);
  if (bridge !== undefined && bridge !== lcce.bridge) {
    const where = lcce.bridge === undefined ? `write \`bridge: ${bridge}\` beside \`wirespan:\`` : "";
    const other = lcce.bridge === undefined ? where : `its bridge is ${lcce.bridge}`;
    report([...path, "bridge"], `${lcce.name} has no bridge ${bridge}: ${other}`);
  }
}

/** Says of a device that it is no port; what to write depends on where the name comes from. */
function checkPort(
  path: KeyPath,
  device: string,
  { name, ports, trunk, wirespan }: LabLcce,
  report: Report,
): void {
  const choices = ports.map((port) => port.name);
  if (wirespan?.kind === "file") {
    // A name that is mapped to no port is told where it is mapped.
    if (Object.hasOwn(wirespan.ports, device)) return;
    const map = `write \`ports: { ${device}: trunk }\` into lcces.${name}.wirespan`;
    report(path, `${name} has no port ${device}; there are ${choices.join(", ")}: ${map}`);
  } else if (device === "trunk" && trunk === undefined)
    report(path, `${name} has no port trunk: write \`lan:\`, which makes it`);
  else report(path, `${name} has no port ${device}${choiceText(device, choices)}`);
}
