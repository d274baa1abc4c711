import type { Facts } from "./facts.ts";
import { type CheckRow, judge } from "./outcome.ts";

/** What this machine is: kernel, Node, file systems, clock. */

/** package.json has it too. */
const LEAST_NODE = [20, 19] as const;
/** Releases of Node up to this one get no more security updates. */
const LAST_UNSUPPORTED_NODE = 20;
/** Before it, the eBPF plane lacks what it needs; and before the other, nobody has tried it. */
const LEAST_KERNEL = [5, 13] as const;
const TRIED_KERNEL = [6, 1] as const;
/** Up to this one, memory of maps counts as locked memory of the process. */
const LAST_LOCKING_KERNEL = [5, 10] as const;
/** So much may maps of some thousand sessions have. */
const LEAST_LOCKED_OCTETS = 256 * 1024 * 1024;
const LEAST_FREE_OCTETS = 1024 * 1024;

type Version = readonly [major: number, minor: number];

function versionIn(text: string): Version {
  const [, major = "0", minor = "0"] = /(\d+)\.(\d+)/.exec(text) ?? [];
  return [Number(major), Number(minor)];
}

function isBefore([major, minor]: Version, [otherMajor, otherMinor]: Version): boolean {
  return major < otherMajor || (major === otherMajor && minor < otherMinor);
}

/** Whether frames may be forwarded by eBPF, as far as the file says. */
export function wantsEbpf({ config }: Facts): boolean {
  return config === undefined || config.plane !== "userspace";
}

/** TABLE: checks of the machine. */
export const machineChecks = {
  node: {
    group: "machine",
    looksAt: "the version of Node.js",
    why: "older ones lack what Wirespan is written with, or get no security updates any more",
    remedy: "install Node 22 or 24; the packages of Wirespan bring their own",
    find: ({ machine: { node } }) => {
      const version = versionIn(node);
      const advice = "install Node 22 or 24, then run npm rebuild where Wirespan is installed";
      if (isBefore(version, LEAST_NODE))
        return [{ severity: "error", what: `Node ${node} is too old: 20.19 is needed`, advice }];
      return version[0] <= LAST_UNSUPPORTED_NODE
        ? [{ severity: "note", what: `Node ${node} has reached its end of life`, advice }]
        : [];
    },
  },
  kernel: {
    group: "machine",
    looksAt: "the version of the kernel",
    why: "eBPF programs forward frames within the kernel from Linux 5.13 on; they are tested from 6.1 on",
    remedy: "use Linux 6.1 or later; with an older one, `plane: userspace` forwards",
    find: (facts) => {
      if (!wantsEbpf(facts)) return [];
      const { kernel } = facts.machine;
      const version = versionIn(kernel);
      const advice = "use Linux 6.1 or later; frames are forwarded in user space meanwhile";
      if (isBefore(version, LEAST_KERNEL))
        return [{ severity: "warning", what: `Linux ${kernel} is too old for the eBPF plane`, advice }];
      const what = `the eBPF plane was never tested on Linux ${kernel}`;
      const untested = "use Linux 6.1 or later, or set plane: userspace";
      return isBefore(version, TRIED_KERNEL) ? [{ severity: "note", what, advice: untested }] : [];
    },
  },
  ebpf: {
    group: "machine",
    looksAt: "features of the kernel that the eBPF plane needs: bpf(2), helpers, tcx or clsact",
    why: "without them frames cross user space: slower, and not while the daemon restarts",
    remedy: "as the finding says; `plane: userspace` needs none of them",
    find: (facts) => {
      if (!wantsEbpf(facts)) return undefined;
      const severity = facts.config?.plane === "ebpf" ? "error" : "warning";
      return judge(facts.machine.missingBpf, (missing) =>
        missing.map(({ need, problem, remedy }) => ({
          severity,
          what: `the eBPF plane needs ${need}: ${problem}`,
          advice: remedy,
        })),
      );
    },
  },
  "bpf-file-system": {
    group: "machine",
    looksAt: "the bpf file system at /sys/fs/bpf, and whether it is the machine's own",
    why: "what is pinned there forwards on while the daemon is away; a private one ends with its namespace",
    remedy: "mount it, or start the daemon where the machine's own is seen: nsenter --net, not ip netns exec",
    find: (facts) => {
      if (!wantsEbpf(facts)) return undefined;
      return judge(facts.machine.bpfFileSystem, ({ isMounted, isCovered, caveat, isOnTop }) => {
        // The daemon mounts it again when it is started as root.
        if (!isMounted && isCovered) return [];
        if (!isMounted)
          return [
            {
              severity: "warning",
              what: "/sys/fs/bpf is no bpf file system: forwarding does not outlive a crash of the daemon",
              commands: ["mount -t bpf bpf /sys/fs/bpf"],
              advice: "a daemon that is started as root mounts it by itself",
            },
          ];
        if (caveat === undefined) return [];
        return [
          {
            severity: "warning",
            what: `forwarding does not outlive a crash of the daemon here: ${caveat}`,
            commands: isOnTop ? ["umount /sys/fs/bpf"] : [],
            advice:
              "start the daemon where the machine's own is seen: by nsenter --net=/run/netns/NAME in place " +
              "of ip netns exec, or with --volume /sys/fs/bpf:/sys/fs/bpf in a container",
          },
        ];
      });
    },
  },
  tun: {
    group: "machine",
    looksAt: "/dev/net/tun, where the file has TAP devices",
    why: "the userspace plane makes TAP devices by it",
    remedy: "load the module tun",
    find: (facts) => {
      const { config, machine } = facts;
      const hasTaps = config?.tunnels.some(({ pseudowires }) =>
        pseudowires.some(({ circuit }) => circuit.kind === "tap"),
      );
      if (hasTaps !== true) return undefined;
      if (machine.hasTun) return [];
      return [
        {
          severity: config?.plane === "userspace" ? "error" : "warning",
          what: "there is no /dev/net/tun: the userspace plane cannot make the TAP devices of the file",
          commands: ["modprobe tun"],
          advice: "in a container, hand it in with --device /dev/net/tun",
        },
      ];
    },
  },
  "free-space": {
    group: "machine",
    looksAt: "free space where the control socket is",
    why: "locks and what has to be put back after a crash are written beside it",
    remedy: "make room there, or give lcce.control_socket another place",
    find: ({ machine: { freeOctets } }) =>
      judge(freeOctets, ({ path, octets }) =>
        octets >= LEAST_FREE_OCTETS
          ? []
          : [
              {
                severity: "error",
                what: `${path} has only ${octets} octets free`,
                advice: `make room; see: df -h ${path}`,
              },
            ],
      ),
  },
  clock: {
    group: "machine",
    looksAt: "whether the clock is kept to a reference",
    why: "log and events of two ends can only be compared by the time",
    remedy: "run an NTP client",
    find: ({ machine: { isClockSynchronised } }) =>
      judge(isClockSynchronised, (isSynchronised) =>
        isSynchronised
          ? []
          : [
              {
                severity: "note",
                what: "the clock of this machine is not synchronised",
                commands: ["timedatectl set-ntp true"],
                advice: "in a virtual machine or container the host may do it",
              },
            ],
      ),
  },
  "locked-memory": {
    group: "rights",
    looksAt: "the limit of locked memory, before Linux 5.11",
    why: "there the maps of the eBPF plane count as locked memory, and are refused with EPERM",
    remedy: "raise the limit: ulimit -l, or LimitMEMLOCK of the unit",
    find: (facts) => {
      const { kernel, limits } = facts.machine;
      if (!wantsEbpf(facts) || isBefore(LAST_LOCKING_KERNEL, versionIn(kernel))) return undefined;
      return judge(limits, ({ lockedOctets = Number.POSITIVE_INFINITY }) =>
        lockedOctets >= LEAST_LOCKED_OCTETS
          ? []
          : [
              {
                severity: "warning",
                what: `a process may lock ${lockedOctets} octets only, too few for maps of the eBPF plane`,
                commands: ["ulimit -l unlimited"],
                advice: "in the shell that starts the daemon; in the unit of systemd LimitMEMLOCK=infinity",
              },
            ],
      );
    },
  },
  capabilities: {
    group: "rights",
    looksAt: "the capabilities of the daemon that runs, or else of this process",
    why: "interfaces need CAP_NET_RAW, TAP devices CAP_NET_ADMIN, the eBPF plane CAP_BPF and CAP_PERFMON",
    remedy: "run as root (the daemon drops what it does not need), or give a container these capabilities",
    find: (facts) => {
      const { limits, limitsOf, isRoot } = facts.machine;
      if (limitsOf === "this process" && !isRoot)
        return { unseen: "only root has them; as whom the daemon will run cannot be seen" };
      return judge(limits, ({ capabilities }) => {
        const lacks = (name: (typeof capabilities)[number]) => !capabilities.includes(name);
        const basic = (["CAP_NET_ADMIN", "CAP_NET_RAW"] as const).filter(lacks);
        const isBpfMissing = lacks("CAP_SYS_ADMIN") && (lacks("CAP_BPF") || lacks("CAP_PERFMON"));
        const bpf = wantsEbpf(facts) && isBpfMissing ? ["CAP_BPF", "CAP_PERFMON"] : [];
        const missing = [...basic, ...bpf];
        const who = limitsOf === "daemon" ? "the daemon" : "root here";
        const advice =
          "run it as root, or in a container with: " +
          missing.map((name) => `--cap-add ${name.replace("CAP_", "")}`).join(" ");
        if (missing.length === 0) return [];
        const severity = basic.length > 0 ? "error" : "warning";
        return [{ severity, what: `${who} lacks ${missing.join(", ")}`, advice }];
      });
    },
  },
  "open-files": {
    group: "rights",
    looksAt: "the limit of open files against the circuits and tunnels of the file",
    why: "each circuit takes up to three; one beyond the limit is refused with EMFILE",
    remedy: "raise the limit: ulimit -n, or LimitNOFILE of the unit",
    find: ({ config, machine: { limits, limitsOf } }) => {
      if (config === undefined) return undefined;
      const wanted = openFilesFor(config);
      return judge(limits, ({ openFiles = Number.POSITIVE_INFINITY }) =>
        openFiles >= wanted
          ? []
          : [
              {
                severity: "error",
                what: `${limitsOf} may open ${openFiles} files, and this file needs some ${wanted}`,
                commands: [`ulimit -n ${wanted}`],
                advice: `in the shell that starts the daemon; in the unit of systemd LimitNOFILE=${wanted}`,
              },
            ],
      );
    },
  },
} as const satisfies Readonly<Record<string, CheckRow>>;

/** Open files that a daemon of this configuration needs, roughly and rather too many. */
export function openFilesFor({ tunnels }: Pick<NonNullable<Facts["config"]>, "tunnels">): number {
  const devices = new Set(
    tunnels.flatMap(({ pseudowires }) => pseudowires.map(({ circuit }) => circuit.device)),
  );
  return 128 + 3 * devices.size + 2 * tunnels.length;
}
