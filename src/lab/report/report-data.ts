import type { StatusReport } from "../../daemon/status.ts";
import type { LogLineText } from "../log-text.ts";
import type { Ladder } from "./ladder.ts";
import type { TestDocument } from "./test-document.ts";

/** A Wirespan of a tested lab. */
export interface ReportedDaemon {
  readonly name: string;
  /** When the checks began, and when they were over; undefined where it did not answer. */
  readonly before: StatusReport | undefined;
  readonly after: StatusReport | undefined;
  /** Its configuration as YAML, without secrets. */
  readonly configuration: string;
  /** Warnings and errors of its log. */
  readonly problems: readonly LogLineText[];
}

/** Control messages that crossed a network. */
export interface ReportedNetwork {
  readonly name: string;
  readonly ladders: readonly Ladder[];
  /** Why there are none, or not all. */
  readonly problem: string | undefined;
}

/** Conditions that a link had, and by what they were made. */
export interface ReportedLink {
  readonly name: string;
  readonly conditions: string;
  readonly realisedBy: string;
}

/** A capture file that was written. */
export interface ReportedCapture {
  readonly point: string;
  readonly file: string;
}

/** All that a report shows. */
export interface ReportData {
  readonly document: TestDocument;
  /** SVG of the lab, made by ourselves. */
  readonly drawing: string;
  readonly daemons: readonly ReportedDaemon[];
  readonly networks: readonly ReportedNetwork[];
  readonly links: readonly ReportedLink[];
  readonly captures: readonly ReportedCapture[];
}
