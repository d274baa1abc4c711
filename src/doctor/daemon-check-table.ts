import { durationText } from "../bytes/duration.ts";
import { shellWord } from "../bytes/shell-words.ts";
import { notUpIn } from "../daemon/not-up.ts";
import type { StatusReport } from "../daemon/status.ts";
import type { DaemonFacts, Facts } from "./facts.ts";
import { type CheckRow, type Found, judge } from "./outcome.ts";

/** The daemon that runs: what its status says. */

/** Most findings of one kind: the status has the rest. */
const MOST = 20;

function statusCommand({ socket }: DaemonFacts): string {
  return `wirespan status --socket ${shellWord(socket)}`;
}

/** The first of many findings, and how many there are besides. */
function first(found: readonly Found[], { daemon }: Facts): readonly Found[] {
  if (found.length <= MOST) return found;
  const what = `${found.length - MOST} more are not shown; see: ${statusCommand(daemon)}`;
  return [...found.slice(0, MOST), { severity: found[0]?.severity ?? "note", what }];
}

/** TABLE: checks of a running daemon. */
export const daemonChecks = {
  daemon: {
    group: "daemon",
    looksAt: "whether a daemon at the control socket answers",
    why: "what hangs takes no change, and sends no HELLO: its peers give it up",
    remedy: "see its log; restart it",
    find: ({ daemon: { status, problem } }) => {
      if (problem !== undefined)
        return [{ severity: "error", what: problem, advice: "see its log, then restart it" }];
      return judge(status, () => []);
    },
  },
  "daemon-version": {
    group: "daemon",
    looksAt: "whether the daemon is of the version of this command",
    why: "after an upgrade the former program runs on until it is restarted",
    remedy: "restart it, or start the new one with --take-over",
    find: ({ daemon, unit, file }) =>
      judge(daemon.status, ({ version, pid }) => {
        if (version === daemon.version) return [];
        const takeOver = `wirespan run --take-over -c ${shellWord(file ?? "FILE")}`;
        return [
          {
            severity: "warning",
            what: `the daemon (pid ${pid}) is of version ${version}, this command of ${daemon.version}`,
            commands: [unit.value?.isActive === true ? "systemctl restart wirespan" : takeOver],
          },
        ];
      }),
  },
  "daemon-file": {
    group: "daemon",
    looksAt: "whether the file was written after the daemon had read it",
    why: "what was changed since does not count yet",
    remedy: "wirespan reload",
    find: ({ daemon: { isFileNewer, socket, status }, file }) => {
      const unconfirmed = status?.value === undefined ? undefined : notConfirmed(status.value, socket);
      if (unconfirmed !== undefined) return [unconfirmed];
      if (isFileNewer === undefined) return undefined;
      if (!isFileNewer) return [];
      const what = `${file} was written after the daemon had read it: the changes are not in force`;
      return [{ severity: "warning", what, commands: [`wirespan reload --socket ${shellWord(socket)}`] }];
    },
  },
  "not-up": {
    group: "daemon",
    looksAt: "tunnels and pseudowires that are not up",
    why: "no frame crosses them",
    remedy: "as the finding says; docs/operating.md, When there is no traffic",
    find: (facts) =>
      judge(facts.daemon.status, (status) => first(notUp(status, statusCommand(facts.daemon)), facts)),
  },
  "status-notes": {
    group: "daemon",
    looksAt: "what the daemon notes although things may be up",
    why: "frames are lost, or go another way than wanted",
    remedy: "as the finding says",
    find: (facts) =>
      judge(facts.daemon.status, ({ controlConnections, pseudowires }) =>
        first(
          [
            ...controlConnections.map(({ tunnel, notes = [] }) => ({ subject: `tunnel ${tunnel}`, notes })),
            ...pseudowires.map(({ name, notes = [] }) => ({ subject: `pseudowire ${name}`, notes })),
          ].flatMap(({ subject, notes }) =>
            notes.map((note): Found => ({ severity: "warning", what: `${subject}: ${note}`, subject })),
          ),
          facts,
        ),
      ),
  },
  discards: {
    group: "daemon",
    looksAt: "discards that rise while doctor looks",
    why: "these are frames and messages that are lost now",
    remedy: "docs/discards.md says what each reason means",
    find: (facts) => {
      const { status, later } = facts.daemon;
      if (later === undefined) return undefined;
      return judge(status, (before) => first(rising(before, later), facts));
    },
  },
  "log-losses": {
    group: "daemon",
    looksAt: "lines that the log could not write",
    why: "what happened then cannot be found out later",
    remedy: "make room, or read the log faster",
    find: ({ daemon: { status } }) =>
      judge(status, ({ log: { lostLines, reason } }) =>
        lostLines === 0
          ? []
          : [
              {
                severity: "warning",
                what: `${lostLines} lines of the log are lost: ${reason}`,
                advice:
                  reason === "ENOSPC" ? "make room on the disk of the log" : "look at what reads the log",
              },
            ],
      ),
  },
  "crash-survival": {
    group: "daemon",
    looksAt: "whether forwarding goes on while the daemon is away",
    why: "after a crash, and during an upgrade, frames are lost otherwise",
    remedy: "the eBPF plane with the machine's own bpf file system",
    find: ({ daemon: { goesOn } }) =>
      judge(goesOn, ({ goesOn: doesGoOn, plane, reason }) =>
        doesGoOn
          ? []
          : [
              {
                severity: plane === "ebpf" ? "warning" : "note",
                what: `forwarding ends with the daemon, on plane ${plane}: ${reason}`,
              },
            ],
      ),
  },
} as const satisfies Readonly<Record<string, CheckRow>>;

/** That the configuration is still to be confirmed, or that the file was not. */
function notConfirmed({ configuration }: StatusReport, socket: string): Found | undefined {
  const { file, revertsInMs, undone = false } = configuration ?? {};
  if (revertsInMs !== undefined)
    return {
      severity: "warning",
      what: `the former configuration comes back in ${durationText(revertsInMs)} unless this is confirmed`,
      commands: [`wirespan reload --confirmed --socket ${shellWord(socket)}`],
    };
  if (!undone) return undefined;
  return {
    severity: "warning",
    what: `${file} was not confirmed: the configuration before it runs`,
    advice: "change the file back, or into one that is right, and reload",
  };
}

function notUp(report: StatusReport, command: string): readonly Found[] {
  const { tunnels, pseudowires } = notUpIn(report);
  const advice = `see: ${command}`;
  return [
    ...tunnels.map(
      ({ tunnel, whyNot }): Found => ({
        severity: "error",
        what: `tunnel ${tunnel} is not up: ${whyNot}`,
        subject: `tunnel ${tunnel}`,
        advice,
      }),
    ),
    ...pseudowires.map(
      ({ name, tunnel, whyNot }): Found => ({
        severity: "error",
        what: `pseudowire ${name} of tunnel ${tunnel} is not up: ${whyNot}`,
        subject: `pseudowire ${name}`,
        advice,
      }),
    ),
  ];
}

/** Discards that are more than before. */
function rising(before: StatusReport, later: StatusReport): readonly Found[] {
  const former = new Map(before.pseudowires.map(({ name, discards }) => [name, discards]));
  const seconds = Math.max(1, Math.round((later.uptimeMs - before.uptimeMs) / 1000));
  const more = (
    subject: string,
    now: Readonly<Record<string, number>>,
    then: Readonly<Record<string, number>> = {},
  ): readonly Found[] =>
    Object.entries(now).flatMap(([reason, count]): readonly Found[] => {
      const grown = count - (then[reason] ?? 0);
      if (grown <= 0) return [];
      return [
        {
          severity: "warning",
          what: `${subject}: ${grown} more were discarded as ${reason} within ${seconds} s`,
          subject,
          advice: "docs/discards.md says what that means",
        },
      ];
    });
  return [
    ...later.pseudowires.flatMap(({ name, discards }) => {
      const then = former.get(name);
      return then === undefined ? [] : more(`pseudowire ${name}`, discards, then);
    }),
    ...more("outside of sessions", later.discards, before.discards),
    ...more("control messages", later.control, before.control),
  ];
}
