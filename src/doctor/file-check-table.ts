import { shellWord } from "../bytes/shell-words.ts";
import { adviceOn } from "../config/advice.ts";
import type { MachineNote } from "../daemon/machine-notes.ts";
import type { SecretFacts } from "./facts.ts";
import { type CheckRow, type Found, judge } from "./outcome.ts";

/** TABLE: checks of the file and of its secrets. */
export const fileChecks = {
  file: {
    group: "file",
    looksAt: "the configuration file, every key of it",
    why: "a daemon does not start with a file that is not in order, and a reload changes nothing",
    remedy: "as the finding says",
    find: ({ file, fileProblems, config }) => {
      if (file === undefined) return undefined;
      const problems = fileProblems.map((what) => ({ severity: "error" as const, what }));
      const advice = config === undefined || problems.length > 0 ? [] : adviceOn(config);
      return [
        ...problems,
        ...advice.map(({ path, message }) => ({ severity: "warning" as const, what: message, path })),
      ];
    },
  },
  secret: {
    group: "secrets",
    looksAt: "whether each secret can be read, is not empty, and has no blanks at its ends",
    why: "a tunnel whose secret cannot be read waits; with another secret at each end nobody answers",
    remedy: "put the same secret at both ends, in a file of root's with mode 600",
    find: ({ config, notes, secrets, machine: { isRoot } }) => {
      if (config === undefined || secrets.length === 0) return undefined;
      const isHidden = ({ errno }: (typeof secrets)[number]) => !isRoot && errno === "EACCES";
      const hidden = new Set(secrets.filter(isHidden).map(({ path }) => path.join()));
      if (hidden.size === secrets.length) return { unseen: "secrets are root's: run doctor as root" };
      return judge(notes, (all) =>
        all
          .filter(({ kind, path }) => kind === "secret" && !hidden.has(path.join()))
          .map(({ message, path, isWaiting }) => ({
            severity: isWaiting ? "error" : "warning",
            what: message,
            path,
            commands: secretCommands(all, path, message, secrets),
          })),
      );
    },
  },
  "secret-owner": {
    group: "secrets",
    looksAt: "who may read the files of secrets beside root",
    why: "whoever knows a secret can take the peer's place; and the daemon reads only root's own files",
    remedy: "chown root, chmod 600",
    find: ({ secrets, machine: { isRoot } }) => {
      const files = secrets.filter(({ mode }) => mode !== undefined);
      if (files.length === 0) return undefined;
      return files.flatMap(({ file = "", mode = 0, uid, path }): readonly Found[] => {
        const commands = [`chown root ${shellWord(file)}`, `chmod 600 ${shellWord(file)}`];
        if (isRoot && uid !== 0 && (mode & 0o004) === 0)
          return [
            {
              severity: "error",
              what:
                `${file} belongs to user ${uid}, ` +
                "so the daemon, which gives up all other rights, cannot read it",
              ...{ commands, path },
            },
          ];
        const isOpen = (mode & 0o060) !== 0;
        const what =
          `the secret ${file} may be read or written ` + `by the group of its owner (mode ${octal(mode)})`;
        return isOpen ? [{ severity: "note", what, commands: commands.slice(1), path }] : [];
      });
    },
  },
  "secret-length": {
    group: "secrets",
    looksAt: "how long secrets are",
    why: "whoever hears one control message can try short secrets until its digest fits",
    remedy: "32 random digits or more, the same at both ends",
    find: ({ secrets }) => {
      const known = secrets.filter(({ octets }) => octets !== undefined);
      if (known.length === 0) return undefined;
      return known.flatMap(({ octets = 0, file, path }) =>
        octets >= LEAST_SECRET_OCTETS
          ? []
          : [
              {
                severity: "warning" as const,
                what: `the secret ${file ?? ""} has ${octets} octets only, which can be guessed`.replace(
                  "  ",
                  " ",
                ),
                advice:
                  "make a longer one (wirespan keygen), and bring it to both ends by next_secret, " +
                  "which takes no tunnel down",
                path,
              },
            ],
      );
    },
  },
} as const satisfies Readonly<Record<string, CheckRow>>;

/** Ours: as long as what HMAC-MD5 makes of it. */
const LEAST_SECRET_OCTETS = 16;

/** What makes a file that is not there, or closes one that everybody may read. */
function secretCommands(
  notes: readonly MachineNote[],
  path: MachineNote["path"],
  message: string,
  secrets: readonly SecretFacts[],
): readonly string[] {
  const key = path.join();
  const { file, errno, mode = 0 } = secrets.find((each) => each.path.join() === key) ?? {};
  if (file === undefined) return [];
  if (errno === "ENOENT") return [`wirespan keygen --out ${shellWord(file)}`];
  // Of the mode the first note on a secret tells.
  const first = notes.find((note) => note.kind === "secret" && note.path.join() === key);
  const isOpen = (mode & 0o004) !== 0 && first?.message === message;
  return isOpen ? [`chmod 600 ${shellWord(file)}`] : [];
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8);
}
