import { OperationalError } from "../bytes/errors.ts";
import type { Config } from "../config/config.ts";
import { frameSizeStatus } from "./frame-size-status.ts";
import type { KnownPathMtu, MtuSubject } from "./mtu-report.ts";
import { circuitText } from "./pseudowire-report.ts";
import { endsInFile, pathOf } from "./settings.ts";
import { isWanted, type StatusReport } from "./status.ts";

/** Of which pseudowires the sizes are wanted, and with what path MTU in place of the known one. */
export interface MtuChoice {
  /** Of a tunnel or a pseudowire; absent: all. */
  readonly name?: string | undefined;
  readonly pathMtu?: number | undefined;
}

/**
 * Pseudowires of the status of a daemon. Throws OperationalError for a name that it does not have, and for a
 * daemon that does not say what is needed.
 */
export function subjectsOfStatus(
  { controlConnections, pseudowires, version }: StatusReport,
  choice: MtuChoice,
): readonly MtuSubject[] {
  const known = new Map(
    controlConnections.map(({ tunnel, pathMtu, pathMtuUnknown }) => [tunnel, { pathMtu, pathMtuUnknown }]),
  );
  const subjects = pseudowires.filter(isWanted).map(({ tunnel, name, circuit, frameSize }) => {
    if (frameSize === undefined)
      throw new OperationalError(
        `compute the sizes of pseudowire ${name}: the daemon, of version ${version}, does not say what ` +
          "they depend on; restart it with this version, or give its file by -c",
      );
    return { tunnel, pseudowire: name, circuit, frameSize, ...known.get(tunnel) };
  });
  return chosen(subjects, choice);
}

/** Pseudowires of a file, by what it alone says. Throws OperationalError for a name that it does not have. */
export function subjectsOfConfig({ tunnels }: Config, choice: MtuChoice): readonly MtuSubject[] {
  const subjects = tunnels.flatMap((tunnel) => {
    const ends = endsInFile(tunnel);
    const path = ends && pathOf(tunnel, ends);
    return tunnel.pseudowires.map((pseudowire) => ({
      tunnel: tunnel.name,
      pseudowire: pseudowire.name,
      circuit: circuitText(pseudowire),
      frameSize: frameSizeStatus(tunnel, pseudowire, undefined, path, undefined),
    }));
  });
  return chosen(subjects, choice);
}

function chosen(subjects: readonly MtuSubject[], { name, pathMtu }: MtuChoice): readonly MtuSubject[] {
  const wanted = subjects.filter(
    ({ tunnel, pseudowire }) => name === undefined || name === tunnel || name === pseudowire,
  );
  if (name !== undefined && wanted.length === 0) throw new OperationalError(noSuch(name, subjects));
  if (pathMtu === undefined) return wanted;
  const given: KnownPathMtu = { octets: pathMtu, source: "given" };
  return wanted.map((subject) => ({ ...subject, pathMtu: given }));
}

/** Most names that are told of those that there are. */
const MOST_NAMES = 10;

function noSuch(name: string, subjects: readonly MtuSubject[]): string {
  const names = [...new Set(subjects.flatMap(({ tunnel, pseudowire }) => [tunnel, pseudowire]))];
  const more = names.length > MOST_NAMES ? ", ..." : "";
  const known = names.length === 0 ? "there are none" : `there are ${names.slice(0, MOST_NAMES).join(", ")}`;
  return `find ${name}: no tunnel or pseudowire has that name; ${known}${more}`;
}
