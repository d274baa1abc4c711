import { existsSync, readFileSync } from "node:fs";
import { operationalMessage } from "../../bytes/errors.ts";
import { plainAddresses } from "../../bytes/subnets.ts";
import { decodeFile } from "../../capture/decode-file.ts";
import type { PacketRecord } from "../../capture/record.ts";
import type { StatusReport } from "../../daemon/status.ts";
import { statusOf } from "../daemons.ts";
import { readConfigurations } from "../drawing/configurations.ts";
import { svgOfTopology } from "../drawing/draw.ts";
import type { LabState } from "../drawing/state.ts";
import { nodesOf, type Topology, wirespansOf } from "../format/topology.ts";
import { configOf, logOf, RUN } from "../nodes.ts";
import type { LinkStateReport } from "../supervisor/api.ts";
import type { TestCaptures } from "../test-captures.ts";
import { laddersOf } from "./ladder.ts";
import { problemLines } from "./problem-lines.ts";
import { redactedYaml } from "./redact.ts";
import type {
  ReportData,
  ReportedCapture,
  ReportedDaemon,
  ReportedLink,
  ReportedNetwork,
} from "./report-data.ts";
import type { TestDocument } from "./test-document.ts";

/** Statuses of daemons by their sites; without those that do not answer. */
export type Statuses = ReadonlyMap<string, StatusReport>;

/** Asks all daemons of a lab for their status. */
export async function statusesOf(topology: Topology): Promise<Statuses> {
  const reports = await Promise.all(
    wirespansOf(topology).map(async ({ site }) => [site, await statusOf(site)] as const),
  );
  return new Map(
    reports.flatMap(([site, report]) => (report === undefined ? [] : [[site, report] as const])),
  );
}

/** What was seen of a lab while its checks were made. */
export interface TestedState {
  readonly topology: Topology;
  readonly before: Statuses;
  readonly after: Statuses;
  readonly captures: TestCaptures;
  readonly links: readonly LinkStateReport[];
}

/** Collects what a report shows. */
export async function reportData(
  document: TestDocument,
  { topology, before, after, captures, links }: TestedState,
): Promise<ReportData> {
  const networks: ReportedNetwork[] = [];
  for (const network of captures.networks) networks.push(await networkOf(network, topology));
  const state = stateOf(topology, after, links);
  return {
    document,
    drawing: svgOfTopology(topology, readConfigurations(topology), state),
    daemons: wirespansOf(topology).map(({ name, site }) => daemonOf(name, site, before, after)),
    networks,
    links: links.flatMap(linkRows),
    captures: captures.files,
  };
}

/** The conditions of a link: a row where they are the same both ways, else one each way. */
function linkRows({ name, down, out, in: back }: LinkStateReport): readonly ReportedLink[] {
  const rows = [
    ["out", out],
    ["in", back],
  ] as const;
  const texts = rows.map(([way, { conditions, realisedBy }]) => {
    const text = Object.entries(conditions).map(([key, value]) => `${key} ${value}`);
    return { way, conditions: text.join(", "), realisedBy: realisedBy.join(" and ") };
  });
  const carrier = down ? [{ name, conditions: "no carrier", realisedBy: "the lab" }] : [];
  const [first, second] = texts;
  if (first?.conditions === second?.conditions && first?.realisedBy === second?.realisedBy)
    return [
      ...carrier,
      ...texts
        .slice(0, 1)
        .filter(isCondition)
        .map((row) => ({ ...row, name })),
    ];
  return [...carrier, ...texts.filter(isCondition).map((row) => ({ ...row, name: `${name} ${row.way}` }))];
}

function isCondition({ conditions }: { readonly conditions: string }): boolean {
  return conditions !== "";
}

function textOf(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

function daemonOf(name: string, site: string, before: Statuses, after: Statuses): ReportedDaemon {
  return {
    name,
    before: before.get(site),
    after: after.get(site),
    configuration: redactedYaml(textOf(configOf(site))),
    problems: problemLines(textOf(logOf(site))),
  };
}

/** The lab as its picture shows it when the checks are over. */
function stateOf(topology: Topology, after: Statuses, links: readonly LinkStateReport[]): LabState {
  const wirespans = wirespansOf(topology);
  return {
    nodes: Object.fromEntries(
      wirespans.map(({ name, site, start }) => [
        name,
        after.has(site) ? "up" : start === "manual" ? "manual" : "ended",
      ]),
    ),
    pseudowires: wirespans.flatMap(({ name: lcce, site }) =>
      (after.get(site)?.pseudowires ?? []).map(({ name, state, whyNot }) => {
        const why = whyNot ?? (state === "established" ? undefined : state);
        return { lcce, name, ...(why === undefined ? {} : { whyNot: why }) };
      }),
    ),
    links: Object.fromEntries(
      links.map((link) => {
        const conditions = linkRows(link).map((row) => row.conditions);
        return [link.name, { down: link.down, conditions: [...new Set(conditions)].join(" / ") }];
      }),
    ),
  };
}

/** Reads the control messages of a network. */
async function networkOf({ point, file }: ReportedCapture, topology: Topology): Promise<ReportedNetwork> {
  const secret = `${RUN}/wirespan.secret`;
  const records: PacketRecord[] = [];
  let problem: string | undefined;
  try {
    const secretFiles = existsSync(secret) ? [secret] : [];
    await decodeFile(file, { secretFiles }, (record) => records.push(record));
  } catch (error) {
    problem = operationalMessage(error);
  }
  return { name: point, ladders: laddersOf(records, (address) => ownerOf(address, topology)), problem };
}

/** Who has an address, with the address. */
function ownerOf(address: string, topology: Topology): string {
  const owner = nodesOf(topology).find(({ ports }) => ports.flatMap(plainAddresses).includes(address));
  return owner === undefined ? address : `${owner.name} ${address}`;
}
