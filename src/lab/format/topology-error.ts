import { OperationalError } from "../../bytes/errors.ts";

/** A topology file with problems: the message has a line for each, with its place. */
export class TopologyError extends OperationalError {
  override readonly name = "TopologyError";
}
