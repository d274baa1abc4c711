import { run } from "../../src/lab/command.ts";

const GUEST = ".lab/guest";
const BUILD_LIMIT_MS = 240_000;
/** A run takes one to ten minutes; a busy machine takes longer. */
const GUEST_LIMIT_S = 1800;

/** Longest time that `runGuest` takes. */
export const GUEST_TEST_LIMIT_MS = 2 * BUILD_LIMIT_MS + (GUEST_LIMIT_S + 30) * 1000;

/**
 * Boots the guest, after building it if necessary, runs a script of lab/guest in it, and resolves to the
 * lines that it printed. Its kernel is the newest, or the newest of a series such as "6.1". Rejects with what
 * to install where something is missing.
 */
export async function runGuest(script: string, series?: string): Promise<readonly string[]> {
  const guest = series === undefined ? GUEST : `${GUEST}-${series}`;
  // The guest runs dist/ and .lab/build.
  const built = await run(["npm", "run", "build"], { timeoutMs: BUILD_LIMIT_MS, accept: [0, 1, 2] });
  if (built.status !== 0) throw new Error(`npm run build: exit status ${built.status}\n${built.stdout}`);
  await run(["lab/guest/build.sh", guest, ...(series === undefined ? [] : [series])], {
    timeoutMs: BUILD_LIMIT_MS,
  });
  const lines = await boot(guest, script);
  const panic = lines.findIndex((line) => line.includes("Kernel panic"));
  if (panic < 0) return lines;
  // Once in some fifty runs the emulator gives the kernel flags that no instruction set: a double fault.
  console.log(
    ["the guest's kernel died, and is booted again:", ...lines.slice(0, panic + 1).slice(-60)].join("\n"),
  );
  return await boot(guest, script);
}

async function boot(guest: string, script: string): Promise<readonly string[]> {
  const { status, stdout, stderr } = await run(["lab/guest/run.sh", guest, `lab/guest/${script}`], {
    timeoutMs: (GUEST_LIMIT_S + 20) * 1000,
    environment: { ...process.env, LIMIT_S: `${GUEST_LIMIT_S}` },
    accept: [0, 124],
  });
  const lines = `${stdout}\n${stderr}`.split(/\r?\n/);
  return status === 124 ? [...lines, `the guest was ended after ${GUEST_LIMIT_S} s`] : lines;
}
