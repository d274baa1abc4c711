import type { createColors } from "picocolors";
import { counted } from "../bytes/counted.ts";
import { hexId } from "../bytes/hex.ts";
import type { FrameSummary, Tag } from "../capture/frame.ts";
import {
  type AvpRecord,
  type ControlHeaderRecord,
  type DataRecord,
  endpointText,
  type PacketRecord,
  type Summary,
} from "../capture/record.ts";
import { avpNameOf } from "../wire/avp-table.ts";
import { vendor } from "../wire/constants.ts";
import { TPID_CUSTOMER } from "../wire/ethernet.ts";
import { avpTitle } from "../wire/value-text.ts";

/** How parts of the text are set off; picocolors makes them. */
export type Palette = Pick<ReturnType<typeof createColors>, "bold" | "dim" | "red" | "green" | "yellow">;

/** Longest value in a line; `--json` has them whole. */
const MOST_CHARACTERS = 240;
const INDENT = "      ";

/** The lines of one packet: itself, and below it what its control message holds. */
export function recordText(record: PacketRecord, palette: Palette): string {
  const { number, time, encapsulation } = record;
  const source = endpointText({ address: record.source, port: record.sourcePort ?? undefined });
  const destination = endpointText({
    address: record.destination,
    port: record.destinationPort ?? undefined,
  });
  const encapsulationText = encapsulation === "udp" ? "UDP" : "IP 115";
  const start = `${number}  ${palette.dim(time)}  ${source} -> ${destination}  ${encapsulationText}`;
  const notes = record.notes.map((note) => `  ${palette.yellow(`[${note}]`)}`).join("");
  return [`${start}  ${contentText(record, palette)}${notes}`, ...belowText(record, palette)].join("\n");
}

function contentText(record: PacketRecord, palette: Palette): string {
  switch (record.kind) {
    case "control":
      return `${palette.bold(record.message)}  ${headerText(record)}`;
    case "data":
      return dataText(record, palette);
    case "malformed": {
      const header = record.header === null ? "" : `  ${headerText(record.header)}`;
      return `${palette.red("malformed")}${header}: ${record.reason}`;
    }
    case "truncated":
      return `${palette.yellow("truncated by the capture")}: ${record.reason}`;
    case "fragment":
      return `later fragment, not read: ${counted(record.payloadOctets, "octet")} at offset ${record.offset}`;
  }
}

function headerText({ version, controlConnectionId, ns, nr, length }: ControlHeaderRecord): string {
  const old = version === 3 ? "" : `version ${version}  `;
  return `${old}connection ${hexId(controlConnectionId)}  Ns ${ns}  Nr ${nr}  length ${length}`;
}

function belowText(record: PacketRecord, palette: Palette): readonly string[] {
  if (record.kind !== "control" && record.kind !== "malformed") return [];
  const lines = record.avps.map((avp) => `${INDENT}${avpText(avp, palette)}`);
  if (record.kind === "control" && record.refusal !== null) {
    lines.push(`${INDENT}${palette.red("would be refused")}: ${record.refusal}`);
  }
  return lines;
}

function avpText(avp: AvpRecord, palette: Palette): string {
  const bits = `${avp.mandatory ? "M" : "-"}${avp.hidden ? "H" : "-"}`;
  const name = avp.vendorId === vendor.ietf ? avpNameOf(avp.attributeType) : undefined;
  const title = name === undefined ? avp.name : avpTitle(name);
  const start = `${palette.dim(bits)}  ${title}`;
  if (avp.text === null) return `${start}: ${palette.red(avp.problem ?? "unreadable")}, ${clip(avp.value)}`;
  return `${start}: ${clip(avp.text)}${digestText(avp, palette)}`;
}

function digestText({ digest, digestNote }: AvpRecord, palette: Palette): string {
  if (digest === null) return "";
  const colour = { right: palette.green, wrong: palette.red, unchecked: palette.dim }[digest];
  return `  ${colour(digest)}${digestNote === null ? "" : ` (${digestNote})`}`;
}

function clip(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS)}..`;
}

function dataText(record: DataRecord, palette: Palette): string {
  const parts = [`${palette.bold("data")}  session ${hexId(record.sessionId)}`];
  if (record.cookie !== null && record.cookie !== "") parts.push(`cookie ${record.cookie}`);
  if (record.cookieMatches === false) parts.push(palette.red("not the assigned cookie"));
  const { sublayer, frame } = record;
  if (sublayer !== null && sublayer.vccvChannel === null) {
    parts.push(sublayer.sequenceNumber === null ? "not numbered" : `sequence ${sublayer.sequenceNumber}`);
  }
  parts.push(frame === null ? record.content : `${frameText(frame)}${record.content}`);
  parts.push(counted(record.payloadOctets, "octet"));
  return parts.join("  ");
}

function frameText({ source, destination, tags }: FrameSummary): string {
  return `${source} > ${destination}  ${tags.map((tag) => `${tagText(tag)}  `).join("")}`;
}

function tagText({ protocol, vlanId, priority, dropEligible }: Tag): string {
  const kind = protocol === TPID_CUSTOMER ? "VLAN" : "service VLAN";
  const more = [
    ...(priority === 0 ? [] : [`priority ${priority}`]),
    ...(dropEligible ? ["drop eligible"] : []),
  ];
  return `${kind} ${vlanId}${more.length === 0 ? "" : ` (${more.join(", ")})`}`;
}

/** The closing lines: what was counted, and what would tell more. */
export function summaryText(summary: Summary): string {
  const reasons = Object.entries(summary.otherReasons).map(([reason, count]) => `${count} ${reason}`);
  const refused = summary.refused === 0 ? "" : ` (${summary.refused} would be refused)`;
  const counts = [
    `${counted(summary.control, "control message")}${refused}`,
    counted(summary.data, "data message"),
    `${summary.malformed} malformed`,
    counted(summary.wrongDigests, "wrong digest"),
    `${counted(summary.other, "other packet")}${reasons.length === 0 ? "" : ` (${reasons.join(", ")})`}`,
  ];
  return [
    counts.join(", "),
    ...(summary.unknownSessions === 0
      ? []
      : [
          `${counted(summary.unknownSessions, "data message")} of sessions whose set-up is not in this ` +
            "capture: use --cookie and --sublayer to read them",
        ]),
    ...(summary.complete ? [] : ["the file ends inside a packet or is damaged: packets may be missing"]),
  ].join("\n");
}
