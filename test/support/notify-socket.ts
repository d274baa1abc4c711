import { rmSync } from "node:fs";
import { addressOf, bind, close, lastError, linux, recv, socket } from "../../src/os/libc.ts";
import { unixAddress } from "../../src/os/unix-address.ts";

/** A service manager's end of a notification socket, which keeps all that it is told. */
export class NotifySocket implements Disposable {
  readonly path: string;
  readonly #fd: number;
  readonly #told: string[] = [];

  /** An "@" at the beginning of the path stands for an abstract name. Throws SystemError. */
  constructor(path: string) {
    this.path = path;
    this.#fd = socket(linux.AF_UNIX, linux.SOCK_DGRAM | linux.SOCK_CLOEXEC | linux.SOCK_NONBLOCK, 0);
    const address = unixAddress(path);
    if (bind(this.#fd, addressOf(address), address.length) < 0) throw lastError("bind", path);
  }

  /** All datagrams so far, the assignments of each in one array. */
  get told(): readonly (readonly string[])[] {
    const octets = new Uint8Array(4096);
    for (;;) {
      const length = recv(this.#fd, addressOf(octets), octets.length, 0);
      if (length < 0) break;
      this.#told.push(new TextDecoder().decode(octets.subarray(0, length)));
    }
    return this.#told.map((text) => text.split("\n"));
  }

  [Symbol.dispose](): void {
    close(this.#fd);
    if (!this.path.startsWith("@")) rmSync(this.path, { force: true });
  }
}
