import { isThere } from "./files.ts";
import { programOutput } from "./program-output.ts";

/** What systemd says of a service. */
export interface ServiceUnit {
  /** Whether there is such a unit. */
  readonly isLoaded: boolean;
  /** Whether it starts with the machine: "enabled", "disabled", "static" and the like. */
  readonly fileState: string;
  readonly isActive: boolean;
  /** The command that it runs. */
  readonly command: string;
  readonly runtimeDirectories: readonly string[];
  readonly openFiles: number | undefined;
}

const PROPERTIES = "LoadState,UnitFileState,ActiveState,ExecStart,RuntimeDirectory,LimitNOFILE";
/** Where systemd is the first process of the machine (sd_booted(3)). */
const BOOTED = "/run/systemd/system";

/**
 * What systemd says of a unit by its name; undefined where this machine was not started by systemd. Rejects
 * with SystemError.
 */
export async function serviceUnit(name: string, limitMs: number): Promise<ServiceUnit | undefined> {
  if (!isThere(BOOTED)) return undefined;
  return unitIn(await programOutput(["systemctl", "show", name, `--property=${PROPERTIES}`], limitMs));
}

/** Reads what `systemctl show` prints: a property a line. */
export function unitIn(text: string): ServiceUnit {
  const values = new Map(
    text.split("\n").flatMap((line) => {
      const at = line.indexOf("=");
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
    }),
  );
  const propertyOf = (name: string) => values.get(name) ?? "";
  const openFiles = Number(propertyOf("LimitNOFILE"));
  return {
    isLoaded: propertyOf("LoadState") === "loaded",
    fileState: propertyOf("UnitFileState"),
    isActive: propertyOf("ActiveState") === "active",
    command: /argv\[\]=([^;]*?)\s*;/.exec(propertyOf("ExecStart"))?.[1] ?? "",
    runtimeDirectories: propertyOf("RuntimeDirectory")
      .split(" ")
      .filter((each) => each !== ""),
    openFiles: Number.isFinite(openFiles) && openFiles > 0 ? openFiles : undefined,
  };
}
