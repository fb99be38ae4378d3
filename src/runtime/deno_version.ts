import process from "node:process";

/** Before it, servers of `node:tls` and `node:http` did not show the connections that they serve. */
export const DENO_WITH_SERVERS = Object.freeze({ major: 2, minor: 9 });

/** The version of a Deno that is too old for them; undefined: it is new enough, or no Deno. */
export function oldDeno(): string | undefined {
  const { deno } = process.versions;
  if (deno === undefined) return undefined;
  const [major = 0, minor = 0] = deno.split(".").map(Number);
  const { major: needsMajor, minor: needsMinor } = DENO_WITH_SERVERS;
  const isNewEnough = major > needsMajor || (major === needsMajor && minor >= needsMinor);
  return isNewEnough ? undefined : deno;
}
