import { z } from "zod";
import { checkSchema } from "./check-keys.ts";
import { key, mappingOf } from "./keys.ts";
import { linkEntryFields } from "./link-keys.ts";
import { hostKeys, lcceKeys, routerKeys } from "./node-keys.ts";
import { lanKeys, networkKeys } from "./segment-keys.ts";
import {
  addressWithPrefix,
  configuration,
  filePath,
  hostVlan,
  lineText,
  mtu,
  nodeName,
  nodePair,
  portName,
  seconds,
} from "./values.ts";

/** TABLE: keys of a site: shorthand for a LAN, its hosts, and an LCCE at the network `wan`. */
export const siteKeys = {
  address: key(addressWithPrefix, "Address of its LCCE in the network `wan`.", "address: 192.0.2.1/24"),
  bridge: key(
    portName.optional(),
    "A bridge in its LCCE that `trunk` is put into, for pseudowires on TAP devices.",
    "bridge: lan",
  ),
  hosts: key(
    z.record(nodeName, hostVlan),
    "Its hosts, each with its VLAN; 0 means untagged.",
    "hosts: { s10: 10, s0: 0 }",
  ),
  wirespan: key(
    configuration,
    "Configuration of its daemon; the interface `trunk` leads to the site's switch.",
    "wirespan: { tunnels: { to-b: { local: 192.0.2.1, remote: 192.0.2.2 } } }",
  ),
} as const;

/** TABLE: a question of an exercise. */
export const questionKeys = {
  ask: key(z.string().min(1), "The question.", "ask: Which message answers SCCRQ?"),
  answer: key(
    z.string().min(1),
    "Regular expression that the whole answer matches, capitals or not.",
    "answer: SCCRP",
  ),
  form: key(
    z.enum(["number"]).optional(),
    "`number`: `answer` is for the number alone, and a unit behind it is ignored.",
    "form: number",
  ),
} as const;

/** TABLE: keys of an exercise of a course: those of its author, and those of a student's copy. */
export const exerciseKeys = {
  task: key(
    filePath.optional(),
    "File with the task, as Markdown; the author's file has it.",
    "task: ./README.md",
  ),
  hide: key(
    z.array(z.string().min(1)).default([]),
    "Keys that students have to find, by their paths: their copies do not have them.",
    "hide: [lcces.br.wirespan]",
  ),
  break: key(
    z.record(z.string(), z.unknown()).default({}),
    "Keys that students have to mend, by their paths, and the wrong values that their copies have.",
    "break: { networks.internet.mtu: 1300 }",
  ),
  open: key(
    z.array(z.string().min(1)).default([]),
    "Mappings that students may change as they like, by their paths. What is hidden or broken in them is " +
      "not marked by comments of its own.",
    "open: [lcces.br.wirespan]",
  ),
  questions: key(
    z.array(mappingOf(questionKeys)).default([]),
    "Questions, which students answer in their copies.",
    "questions: [{ ask: Which message answers SCCRQ?, answer: SCCRP }]",
  ),
  of: key(
    z.string().min(1).optional(),
    "In a student's copy: the exercise, by its name in the course, or the name of the author's file.",
    "of: nat",
  ),
  answers: key(
    z.array(z.union([z.string(), z.number(), z.null()])).default([]),
    "In a student's copy: the answers to the questions, in their order.",
    "answers: [SCCRP]",
  ),
} as const;

/** An exercise of a course. */
export const exerciseFields = mappingOf(exerciseKeys);

/** TABLE: keys of the network that sites are connected by. */
export const wanKeys = { mtu: key(mtu, "MTU of the network and of all ports in it.", "mtu: 1600") } as const;

const record = <Schema extends z.ZodType>(schema: Schema) => z.record(nodeName, schema).default({});
/** TABLE: keys at the top of a topology file. */
export const topologyKeys = {
  title: key(lineText, "What the lab shows, in a line.", "title: a branch behind NAT"),
  needs: key(
    z.array(z.string()).default([]),
    "Programs that nodes run by themselves; what the lab itself needs is known.",
    "needs: [iperf3]",
  ),
  secret: key(
    z.string().optional(),
    "Contents of the file `/run/wirespan.secret`, for the daemons.",
    "secret: correct horse battery staple",
  ),
  sessions_within: key(
    seconds.optional(),
    "Sessions are waited for as long as something comes up, and given up after so long in which nothing " +
      "did; default 20 s. `--timeout` comes first.",
    "sessions_within: 60s",
  ),
  networks: key(
    record(mappingOf(networkKeys)),
    "Networks that LCCEs reach each other by.",
    "networks: { internet: {} }",
  ),
  lans: key(
    record(mappingOf(lanKeys)),
    "Switches that hosts and LCCEs share.",
    "lans: { hq: {}, branch: {} }",
  ),
  uplinks: key(
    z.array(nodePair).default([]),
    "Connections between two LANs, or two networks.",
    "uplinks: [[hq, annex]]",
  ),
  routers: key(
    record(mappingOf(routerKeys)),
    "Nodes that forward IP packets.",
    "routers: { core: { ports: { east: 192.0.2.1/24, west: 198.51.100.1/24 } } }",
  ),
  hosts: key(record(mappingOf(hostKeys)), "Hosts at LANs.", "hosts: { h10: { lan: hq, vlan: 10 } }"),
  lcces: key(
    record(mappingOf(lcceKeys)),
    "LCCEs: Wirespans, and peers of other kinds.",
    "lcces: { hq1: { lan: hq, wan: { internet: 203.0.113.1/24 }, wirespan: { file: ./hq.yaml } } }",
  ),
  wan: key(mappingOf(wanKeys).optional(), "The network of `sites`.", "wan: { mtu: 1600 }"),
  sites: key(
    record(mappingOf(siteKeys)),
    "Sites at one network: shorthand for LANs, hosts and LCCEs.",
    "sites:\n  a:\n    address: 192.0.2.1/24\n    hosts: { s10: 10 }\n" +
      "    wirespan: { tunnels: { to-b: { local: 192.0.2.1, remote: 192.0.2.2 } } }",
  ),
  links: key(
    z.record(z.string(), linkEntryFields).default({}),
    "What is on links, by NODE.PORT: both ways, or one way by `out` and `in`.",
    "links: { br.internet: { delay: 50ms, loss: 1%, rate: 10mbit } }",
  ),
  captures: key(
    z.array(z.string()).default([]),
    "Points that a capture file is written of: a network, a node, or NODE.PORT.",
    "captures: [internet, hq1.trunk]",
  ),
  checks: key(
    z.array(checkSchema).default([]),
    "What must hold, in this order.",
    "checks: [{ ping: [a10, b10] }]",
  ),
  exercise: key(exerciseFields.optional(), "An exercise of a course.", "exercise: { task: ./README.md }"),
} as const;

/** The schema of a topology file. */
export const topologyFields = mappingOf(topologyKeys);
/** A topology file as it is written, with defaults. */
export type RawTopology = z.output<typeof topologyFields>;
