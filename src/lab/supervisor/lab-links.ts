import { OperationalError } from "../../bytes/errors.ts";
import { SerialQueue } from "../../bytes/serial-queue.ts";
import type { LabNode } from "../format/topology.ts";
import { changedConditions, conditionTexts, type LinkConditions, linkKeys } from "../links/conditions.ts";
import { type LinkChange, LinkControl, type LinkReport } from "../links/link-control.ts";
import { linkNamed, linksOf, type NamedLink } from "../named-links.ts";
import type { LinkRequest, LinkSideReport, LinkStateReport } from "./api.ts";
import type { LiveTopology } from "./live-topology.ts";

/** The links of a lab that is up, by their names. */
export class LabLinks {
  readonly #topology: LiveTopology;
  readonly #control: LinkControl;
  readonly #changes = new SerialQueue();

  constructor(topology: LiveTopology, control = new LinkControl()) {
    this.#topology = topology;
    this.#control = control;
  }

  /** Puts the conditions on links of nodes that they have from the start. Rejects as LinkControl does. */
  async start(nodes: readonly LabNode[]): Promise<void> {
    const names = nodes.map(({ name }) => name);
    for (const { node, port, out, in: back } of this.#topology.now.links) {
      if (!names.includes(node)) continue;
      const link = linkNamed(this.#topology.now, `${node}.${port}`);
      await this.#control.set(endOf(link), { out, in: back });
    }
  }

  /** Ends what forwards frames of links with conditions. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#control[Symbol.asyncDispose]();
  }

  /** Changes a link as a command asks for. Rejects as LinkControl does, and for what is no condition. */
  change(asked: LinkRequest): Promise<LinkStateReport> {
    // A change keeps what it does not name, so that it must see the one before it.
    return this.#changes.run(() => this.#change(asked));
  }

  async #change(asked: LinkRequest): Promise<LinkStateReport> {
    const link = linkNamed(this.#topology.now, asked.link);
    const change = readConditions(asked.conditions);
    const before = await this.#of(link);
    const side = (direction: "out" | "in"): LinkConditions | undefined => {
      if (asked.direction !== "both" && asked.direction !== direction) return undefined;
      const former = asked.clear ? {} : (before?.[direction].conditions ?? {});
      return changedConditions(former, change);
    };
    const wanted: LinkChange = { out: side("out"), in: side("in"), down: asked.down };
    return reportOf(link.name, await this.#control.set(endOf(link), wanted));
  }

  /** The links that have conditions, or no carrier. */
  async report(): Promise<readonly LinkStateReport[]> {
    const reports = await this.#control.report();
    const links = linksOf(this.#topology.now);
    return reports.flatMap((report) => {
      const link = links.find((one) => isEnd(one, report));
      const { down, out, in: back } = report;
      const isChanged = down || [out, back].some(({ conditions }) => Object.keys(conditions).length > 0);
      return link === undefined || !isChanged ? [] : [reportOf(link.name, report)];
    });
  }

  async #of(link: NamedLink): Promise<LinkReport | undefined> {
    return (await this.#control.report()).find((report) => isEnd(link, report));
  }
}

function endOf({ port, bridgePort }: NamedLink): LinkReport["link"] {
  return { segmentNamespace: port.segment, farDevice: bridgePort, carrierDevice: port.farName };
}

function isEnd({ port, bridgePort }: NamedLink, { link }: LinkReport): boolean {
  return link.segmentNamespace === port.segment && link.farDevice === bridgePort;
}

/** Conditions as they are written; those of 0 are there too, and take former ones away. */
function readConditions(texts: Readonly<Record<string, string>>): LinkConditions {
  const entries = Object.entries(texts).map(([key, text]) => {
    const row = linkKeys.find((one) => one.key === key);
    if (row === undefined) throw new OperationalError(`conditions of a link: there is no ${key}`);
    const parsed = row.schema.safeParse(
      /^\d+$/.test(text) && row.field === "queuePackets" ? Number(text) : text,
    );
    if (!parsed.success)
      throw new OperationalError(`--${key} ${text}: ${parsed.error.issues[0]?.message ?? "not understood"}`);
    return [row.field, parsed.data];
  });
  return Object.fromEntries(entries) as LinkConditions;
}

function reportOf(name: string, { down, out, in: back }: LinkReport): LinkStateReport {
  const side = ({ conditions, realisedBy }: LinkReport["out"]): LinkSideReport => ({
    conditions: conditionTexts(conditions),
    realisedBy,
  });
  return { name, down, out: side(out), in: side(back) };
}
