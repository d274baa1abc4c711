import { OperationalError } from "../bytes/errors.ts";
import { type HostAddress, readAddresses } from "./addresses.ts";
import { readLinks } from "./link-message.ts";
import { Netlink } from "./netlink.ts";
import { sourceTo } from "./routes.ts";

/**
 * What this machine can have at its own end of a path: each thing is read once, so that an instance is of a
 * moment. It belongs to the network namespace of the calling thread.
 */
export class OwnEnds implements Disposable {
  #socket: Netlink | undefined;
  readonly #sources = new Map<string, string | OperationalError>();
  #addresses: readonly HostAddress[] | undefined;
  #interfaces: ReadonlySet<string> | undefined;

  /** Throws NetlinkError. */
  get addresses(): readonly HostAddress[] {
    this.#addresses ??= readAddresses(this.#netlink);
    return this.#addresses;
  }

  /** Whether there is an interface of this name. Throws NetlinkError. */
  hasInterface(name: string): boolean {
    this.#interfaces ??= new Set(
      readLinks(this.#netlink, { operation: "read the interfaces", target: "this machine" }).map(
        (link) => link.name,
      ),
    );
    return this.#interfaces.has(name);
  }

  /** The address from which packets to a remote one leave; throws SystemError where there is no route. */
  sourceTo(remote: string): string {
    const known = this.#sources.get(remote) ?? this.#ask(remote);
    if (known instanceof OperationalError) throw known;
    return known;
  }

  [Symbol.dispose](): void {
    this.#socket?.[Symbol.dispose]();
  }

  get #netlink(): Netlink {
    this.#socket ??= Netlink.open("route");
    return this.#socket;
  }

  #ask(remote: string): string | OperationalError {
    let answer: string | OperationalError;
    try {
      answer = sourceTo(this.#netlink, remote);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      answer = error;
    }
    this.#sources.set(remote, answer);
    return answer;
  }
}
