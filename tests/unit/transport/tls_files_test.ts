import { test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { type Logger, SILENT_LOGGER } from "../../../src/base/mod.ts";
import {
  type IntervalHandle,
  type TlsContext,
  type TlsMaterial,
  TlsMaterialError,
} from "../../../src/runtime/mod.ts";
import { TlsFiles, type TlsOptions } from "../../../src/transport/mod.ts";
import { ManualClock } from "../../support/manual_clock.ts";

const OPTIONS: TlsOptions = {
  certFile: "cert.pem",
  keyFile: "key.pem",
  keyPassword: undefined,
  caFile: "ca.pem",
  crlFile: undefined,
  verifyPeer: true,
  failIfNoPeerCert: false,
  minVersion: "TLSv1.2",
  ciphers: undefined,
};
const DAY_MS = 86_400_000;

/** Files by name; a certificate and a key are good together when they are the same text. */
class Rig {
  readonly files = new Map([["cert.pem", "1"], ["key.pem", "1"], ["ca.pem", "ca"]]);
  readonly clock = new ManualClock();
  readonly log: string[] = [];
  readonly seen: string[] = [];
  reads = 0;
  expiresMs = Number.MAX_SAFE_INTEGER;
  #look: (() => void) | undefined;

  open(): Promise<TlsFiles> {
    const note = (level: string) => (message: string): void =>
      void this.log.push(`${level}: ${message}`);
    const logger: Logger = {
      ...SILENT_LOGGER,
      isEnabled: () => true,
      info: note("info"),
      warn: note("warn"),
      error: note("error"),
    };
    return TlsFiles.open({
      context: { runtime: this, clock: this.clock, logger },
      options: OPTIONS,
      owner: "tls:default",
      onChange: ({ cert }) => void this.seen.push(cert),
    });
  }

  /** One look at the files, to its end. */
  async look(): Promise<void> {
    this.#look?.();
    for (let step = 0; step < 50; step++) await Promise.resolve();
  }

  // --- what is asked of the runtime ---------------------------------------------------------------

  every(_intervalMs: number, fn: () => void): IntervalHandle {
    this.#look = fn;
    return { stop: () => void (this.#look = undefined) };
  }

  fileStamp(path: string): Promise<string> {
    const text = this.files.get(path);
    return text === undefined ? Promise.reject(new Error("no file")) : Promise.resolve(text);
  }

  readTextFile(path: string): Promise<string> {
    this.reads++;
    return this.fileStamp(path);
  }

  createTlsContext({ cert, key }: TlsMaterial): Promise<TlsContext> {
    if (cert !== key) return Promise.reject(new TlsMaterialError("key", "Cannot use key: another"));
    return Promise.resolve({ fingerprint256: cert, expiresMs: this.expiresMs });
  }
}

test("TlsFiles reads what it is told to read, and nothing more until it changes", async () => {
  const rig = new Rig();
  const files = await rig.open();
  files.watch();
  assertEquals([files.current.fingerprint256, rig.reads], ["1", 3]);
  for (let round = 0; round < 5; round++) await rig.look();
  assertEquals([rig.reads, rig.log], [3, []]);
});

test("TlsFiles takes a change when it has settled, and tells of it once", async () => {
  const rig = new Rig();
  const files = await rig.open();
  files.watch();
  rig.files.set("cert.pem", "2");
  await rig.look();
  // The key is still on its way.
  rig.files.set("key.pem", "2");
  await rig.look();
  assertEquals([files.current.fingerprint256, rig.log], ["1", []]);
  for (let round = 0; round < 3; round++) await rig.look();
  assertEquals([files.current.fingerprint256, rig.seen], ["2", ["1", "2"]]);
  assertEquals(rig.log, ["info: Reloaded a certificate"]);
});

test("TlsFiles keeps what it has when the new is not good, says so once, and takes a better one", async () => {
  const rig = new Rig();
  const files = await rig.open();
  files.watch();
  rig.files.set("cert.pem", "2");
  for (let round = 0; round < 5; round++) await rig.look();
  rig.files.delete("key.pem");
  for (let round = 0; round < 5; round++) await rig.look();
  assertEquals([files.current.fingerprint256, rig.seen], ["1", ["1"]]);
  assertEquals(
    rig.log,
    Array(2).fill("error: Cannot reload a certificate: the old one stays in force"),
  );
  rig.files.set("key.pem", "2");
  for (let round = 0; round < 5; round++) await rig.look();
  assertEquals(files.current.fingerprint256, "2");
});

test("TlsFiles.reload() does not wait until a change has settled", async () => {
  const rig = new Rig();
  const files = await rig.open();
  rig.files.set("cert.pem", "2").set("key.pem", "2");
  files.reload();
  await rig.look();
  assertEquals(files.current.fingerprint256, "2");
});

test("TlsFiles.close() ends the watch", async () => {
  const rig = new Rig();
  const files = await rig.open();
  files.watch();
  files.close();
  rig.files.set("cert.pem", "2").set("key.pem", "2");
  for (let round = 0; round < 3; round++) await rig.look();
  assertEquals(files.current.fingerprint256, "1");
});

test("TlsFiles warns of a certificate that ends soon, or has ended", async () => {
  const EXPECTED: readonly [days: number, log: readonly string[]][] = [
    [8, []],
    [6, ["warn: A certificate expires soon"]],
    [-1, ["warn: A certificate has expired"]],
  ];
  for (const [days, log] of EXPECTED) {
    const rig = new Rig();
    rig.expiresMs = rig.clock.nowMs() + days * DAY_MS;
    await rig.open();
    assertEquals(rig.log, log);
  }
});

test("TlsFiles.open() rejects with the key of the configuration and the file", async () => {
  const rig = new Rig();
  rig.files.set("key.pem", "2");
  await assertRejects(
    () => rig.open(),
    TlsMaterialError,
    'Cannot use key: another (file "key.pem")',
  );
  rig.files.delete("ca.pem");
  await assertRejects(() => rig.open(), TlsMaterialError, "Cannot read ca: ");
});
