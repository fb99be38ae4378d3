/**
 * Finds the two runtimes that tests start as separate programs.
 *
 * Everything here goes through `node:` modules, which both runtimes have, so that a test may be run
 * by either and still start a broker on the other.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { BUN_VERSION } from "./bun_version.ts";

const runFile = promisify(execFile);

/** The Deno that runs this test, else `$DENO`, else `deno` on the PATH. */
export function denoProgram(): string {
  if ("Deno" in globalThis) return process.execPath;
  return process.env["DENO"] || "deno";
}

let bunFound: Promise<string> | undefined;

/**
 * The Bun to test with: `$BUN` whatever its version, else `bun` on the PATH if it is
 * {@link BUN_VERSION}, else that version from the npm registry, kept in the user's cache folder.
 */
export function bunProgram(): Promise<string> {
  bunFound ??= findBun();
  return bunFound;
}

/** `--version` of a program, or undefined where it cannot be run. */
export async function versionOf(program: string): Promise<string | undefined> {
  try {
    const { stdout } = await runFile(program, ["--version"]);
    return stdout.trim();
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}

async function findBun(): Promise<string> {
  const { versions } = process;
  if (process.env["BUN"]) return process.env["BUN"];
  if (versions["bun"] !== undefined) return process.execPath;
  if (await versionOf("bun") === BUN_VERSION) return "bun";
  return await fetchBun();
}

/** The npm package that carries the Bun binary for this machine. */
export function bunPackage(
  machine: { platform: string; arch: string; isMusl: boolean },
): string {
  const systems: Record<string, string> = {
    linux: "linux",
    darwin: "darwin",
    win32: "windows",
    freebsd: "freebsd",
  };
  const processors: Record<string, string> = { x64: "x64", arm64: "aarch64" };
  const system = systems[machine.platform];
  const processor = processors[machine.arch];
  if (system === undefined || processor === undefined) {
    throw new Error(
      `Cannot fetch Bun: no package for "${machine.platform}" on "${machine.arch}"; set BUN to a Bun ${BUN_VERSION}`,
    );
  }
  return `@oven/bun-${system}-${processor}${system === "linux" && machine.isMusl ? "-musl" : ""}`;
}

async function fetchBun(): Promise<string> {
  const isMusl = process.platform === "linux" &&
    (existsSync("/lib/ld-musl-x86_64.so.1") || existsSync("/lib/ld-musl-aarch64.so.1"));
  const program = await fetchBunOf(
    bunPackage({ platform: process.platform, arch: process.arch, isMusl }),
  );
  await chmod(program, 0o755);
  const version = await versionOf(program);
  if (version !== BUN_VERSION) {
    throw new Error(`Cannot use "${program}": it says version "${version}", not "${BUN_VERSION}"`);
  }
  return program;
}

/** The Bun for a target of compile.sh, such as "linux-arm64-musl", which may not run here. */
export async function bunFor(target: string): Promise<string> {
  const [, system = "", arch = "", libc] = /^(linux|macos|windows)-(x64|arm64)(-musl)?$/.exec(
    target,
  ) ?? [];
  const platform = { linux: "linux", macos: "darwin", windows: "win32" }[system];
  if (platform === undefined) throw new Error(`Cannot fetch Bun: nothing is called "${target}"`);
  return await fetchBunOf(bunPackage({ platform, arch, isMusl: libc !== undefined }));
}

/**
 * Lets Deno install the package into a folder of its own: the `bun` package proper brings its
 * binary in a post-install script, which Deno does not run.
 */
async function fetchBunOf(name: string): Promise<string> {
  const folder = join(cacheFolder(), `bun-${BUN_VERSION}`, name.replace("/", "-"));
  const file = name.includes("windows") ? "bun.exe" : "bun";
  const program = join(folder, "node_modules", name, "bin", file);
  if (!existsSync(program)) {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "deno.json"), '{ "nodeModulesDir": "auto", "lock": false }\n');
    const wanted = { private: true, dependencies: { [name]: BUN_VERSION } };
    await writeFile(join(folder, "package.json"), JSON.stringify(wanted));
    await runFile(denoProgram(), ["install", "--quiet"], { cwd: folder });
  }
  return program;
}

/** Where programs fetched for the tests are kept between runs and between checkouts. */
function cacheFolder(): string {
  const { env, platform } = process;
  if (env["XDG_CACHE_HOME"]) return join(env["XDG_CACHE_HOME"], "mqtt-broker-tests");
  if (platform === "win32" && env["LOCALAPPDATA"]) {
    return join(env["LOCALAPPDATA"], "mqtt-broker-tests");
  }
  const parts = platform === "darwin" ? ["Library", "Caches"] : [".cache"];
  return join(homedir(), ...parts, "mqtt-broker-tests");
}
