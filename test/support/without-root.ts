import { fileURLToPath } from "node:url";

/**
 * The words of a command that runs `wirespan`, with the words behind them, as a user without any right; with
 * a mount namespace of its own: the checkout and node where anyone may read them, and a /dev/net/tun that
 * everyone may open, as on systems with udev.
 */
export function withoutRoot(): readonly string[] {
  const script = [
    "mount -t tmpfs -o mode=755 tmpfs /mnt",
    'mkdir /mnt/wirespan && mount --bind "$1" /mnt/wirespan',
    'touch /mnt/node && mount --bind "$2" /mnt/node',
    "mknod -m 666 /mnt/tun c 10 200 && mount --bind /mnt/tun /dev/net/tun",
    "cd /mnt/wirespan",
    "shift 2",
    'exec setpriv --reuid 65534 --regid 65534 --clear-groups /mnt/node dist/cli/main.js "$@"',
  ].join(" && ");
  const repository = fileURLToPath(new URL("../..", import.meta.url));
  return ["unshare", "--mount", "sh", "-c", script, "sh", repository, process.execPath];
}
