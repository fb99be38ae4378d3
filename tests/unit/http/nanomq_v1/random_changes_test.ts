import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { Prng } from "../../../../src/base/mod.ts";
import { CertificateFolder, hasOpenssl } from "../../../support/certificates.ts";
import { seededPrng } from "../../../support/seed.ts";
import { MEMBERS } from "./member_values.ts";
import { memberOf, nested, type SettingsRig, withSettings } from "./settings_rig.ts";

/** Some seconds on a slow machine. */
const ROUNDS = 60;
/** Few, so that listeners get into each other's way. */
const PORTS = [1883, 8080, 8083, 8883];
const URLS: Readonly<Record<string, string>> = {
  "url": "nmq-tcp://127.0.0.1:",
  "tls.url": "tls+nmq-tcp://127.0.0.1:",
  "websocket.url": "nmq-ws://127.0.0.1:",
  "websocket.tls_url": "nmq-wss://127.0.0.1:",
};

type Values = ReadonlyMap<string, readonly unknown[]>;

/** What each member may be given: good, bad, none, and what makes a difference only together with others. */
function valuesOf(
  certificates: readonly { readonly cert: string; readonly key: string }[],
): Values {
  return new Map(MEMBERS.map(([path, good, bad]) => {
    const values = [...good, ...good, ...good, bad[0], null];
    const url = URLS[path];
    if (url !== undefined) values.push(...PORTS.map((port) => `${url}${port}`));
    if (path === "tls.cert") values.push(...certificates.map(({ cert }) => cert));
    if (path === "tls.key") values.push(...certificates.map(({ key }) => key));
    if (path === "tls.cacert") values.push(certificates[0]?.cert ?? null);
    if (typeof values[0] === "boolean" || path.endsWith("enable") || path.endsWith("_mode")) {
      values.push(true, false);
    }
    return [path, values];
  }));
}

/** A request with some of the members. */
function randomData(prng: Prng, values: Values): Map<string, unknown> {
  const paths = [...values.keys()];
  const data = new Map<string, unknown>();
  for (let count = 1 + prng.nextInt(5); count > 0; count--) {
    const path = paths[prng.nextInt(paths.length)]!;
    const choices = values.get(path)!;
    data.set(path, choices[prng.nextInt(choices.length)]);
  }
  return data;
}

function documentOf(data: ReadonlyMap<string, unknown>): Record<string, unknown> {
  const document: Record<string, unknown> = {};
  for (const [path, value] of data) {
    const [[part = "", inner] = []] = Object.entries(nested(path, value));
    const isPart = path.includes(".");
    document[part] = isPart ? { ...document[part] as object, ...inner as object } : inner;
  }
  return document;
}

/** As it is read again. */
function written(value: unknown): unknown {
  if (typeof value !== "string") return value;
  return value.replace(/^mqtt-tcp:\/\/l/, "nmq-tcp://l").replace(/^nmq-tls:/, "tls+nmq-tcp:")
    .replace(/^(nmq-wss?:\/\/[^/]+)$/, "$1/…");
}

/** Makes one request, and says whether it was accepted. */
async function exercise(rig: SettingsRig, data: ReadonlyMap<string, unknown>): Promise<boolean> {
  const [before, storedBefore] = [await rig.read(), await rig.stored()];
  const what = JSON.stringify([...data]);
  const { status, code } = await rig.set(documentOf(data));
  if (code !== 0) {
    assertEquals([status, code], [400, 108], what);
    assertEquals([await rig.read(), await rig.stored()], [before, storedBefore], what);
    return false;
  }
  assertEquals(status, 200, what);
  const after = await rig.read();
  for (const [path] of MEMBERS) {
    const isGiven = data.has(path);
    const asked = isGiven ? written(data.get(path)) : null;
    // Unless it was ever written, it follows from the addresses.
    if (path === "allow_anonymous" && !isGiven) continue;
    // Its path stays as it was.
    if (typeof asked === "string" && asked.endsWith("/…")) continue;
    const isCleared = asked === null && isGiven && memberOf(after, path) === null;
    if (isCleared) continue;
    assertEquals(memberOf(after, path), asked ?? memberOf(before, path), `${path} of ${what}`);
  }
  const stored = await rig.stored();
  assertEquals((await rig.set(after)).code, 0, what);
  assertEquals([await rig.read(), await rig.stored()], [after, stored], what);
  // The worst that could happen: a broker that does not start again.
  const { listeners } = await rig.restarted();
  for (const { tls } of listeners) assert(tls === undefined || tls.certFile !== "", what);
  return true;
}

test("NanoMQ req 12 of any members is done or refused as a whole, and the broker starts again", async () => {
  const prng = seededPrng("random_changes");
  const folder = hasOpenssl() ? new CertificateFolder() : undefined;
  try {
    const authority = folder?.authority();
    const subjects = authority === undefined ? [] : ["/CN=one", "/CN=two"];
    const certificates = subjects.map((subject) => authority!.issue({ subject }));
    const values = valuesOf(certificates);
    await withSettings({ file: "[log]\nlevel = 'error'\n" }, async (rig) => {
      let accepted = 0;
      for (let round = 0; round < ROUNDS; round++) {
        if (await exercise(rig, randomData(prng, values))) accepted++;
      }
      assert(
        accepted > ROUNDS / 10 && accepted < ROUNDS * 0.9,
        `${accepted} of ${ROUNDS} accepted`,
      );
    });
  } finally {
    folder?.remove();
  }
});
