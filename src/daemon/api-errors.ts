import { OperationalError } from "../bytes/errors.ts";
import { nearest } from "../config/nearest.ts";

/** Why the API of a daemon could not be used. */

/** Nobody answers at a control socket. */
export class NoDaemonError extends OperationalError {
  override readonly name = "NoDaemonError";
}

/** A daemon listens at a control socket but does not answer. */
export class NoAnswerError extends OperationalError {
  override readonly name = "NoAnswerError";
}

/** Nothing has the name that a request gives. */
export class NoSuchNameError extends OperationalError {
  override readonly name = "NoSuchNameError";

  /** `kind` is what was looked for; `names` are those that there are. */
  constructor(kind: string, name: string, names: readonly string[]) {
    const like = nearest(name, names);
    const more = like === undefined ? "wirespan status shows those that there are" : `the nearest is ${like}`;
    super(`no ${kind} is called ${name}; ${more}`);
  }
}

/** A request that does not go with how things stand: status 409. */
export class ConflictError extends OperationalError {
  override readonly name = "ConflictError";
}

/** A daemon refused a request, or speaks another protocol. */
export class RefusedError extends OperationalError {
  override readonly name = "RefusedError";
}
