import { OperationalError } from "../bytes/errors.ts";

/** Why the API of a daemon could not be used. */

/** Nobody answers at a control socket. */
export class NoDaemonError extends OperationalError {
  override readonly name = "NoDaemonError";
}

/** A daemon listens at a control socket but does not answer. */
export class NoAnswerError extends OperationalError {
  override readonly name = "NoAnswerError";
}

/** A daemon refused a request, or speaks another protocol. */
export class RefusedError extends OperationalError {
  override readonly name = "RefusedError";
}
