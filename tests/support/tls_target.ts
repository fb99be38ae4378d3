import { hasOpenssl } from "./certificates.ts";
import { runToEnd } from "./start_broker.ts";

/** The first Deno with servers of TLS that know clients' certificates. */
const DENO_WITH_TLS = [2, 9] as const;

/** The Deno of the program under test if it is too old for TLS, as a base binary for checking the build may be. */
export async function denoTooOldForTls(): Promise<string | undefined> {
  const { stdout } = await runToEnd(["--version"]);
  const [, version, major, minor] = /\(deno ((\d+)\.(\d+)[^)]*)\)/.exec(stdout) ?? [];
  if (version === undefined) return undefined;
  const [needsMajor, needsMinor] = DENO_WITH_TLS;
  const isNewEnough = Number(major) > needsMajor ||
    (Number(major) === needsMajor && Number(minor) >= needsMinor);
  return isNewEnough ? undefined : version;
}

/** Why tests of the program with TLS cannot be, or false. */
export async function tlsSkip(): Promise<string | false> {
  if (!hasOpenssl()) return "openssl is not installed";
  const version = await denoTooOldForTls();
  return version === undefined ? false : `Deno ${version} is too old for TLS`;
}
