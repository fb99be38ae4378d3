import type { Clock, Logger } from "../base/mod.ts";
import {
  type IntervalHandle,
  type Runtime,
  type TlsContext,
  type TlsMaterial,
  TlsMaterialError,
  type TlsPart,
} from "../runtime/mod.ts";
import type { TlsOptions } from "./listener.ts";

/** What reading and watching the files of a certificate asks of the program. */
export interface TlsFilesContext {
  readonly runtime: Pick<Runtime, "every" | "fileStamp" | "readTextFile" | "createTlsContext">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How often is looked for other files. A change counts when it is the same for two looks. */
const WATCH_MS = 1000;
const DAY_MS = 86_400_000;
/** So long before its end a certificate is worth a warning. */
const EXPIRY_WARNING_DAYS = 7;

/**
 * A certificate with its key, and what clients' certificates are judged by: read from files, which are read again
 * when they change, in whatever way they were replaced. What cannot be used changes nothing.
 */
export class TlsFiles {
  readonly #context: TlsFilesContext;
  readonly #options: TlsOptions;
  /** For the log. */
  readonly #owner: string;
  readonly #onChange: (material: TlsMaterial) => void;
  #current: TlsContext;
  /** Of the files as they were last read, whatever came of it. */
  #readStamp: string;
  #seenStamp: string;
  #watching: IntervalHandle | undefined;
  #isLooking = false;

  private constructor(
    { context, options, owner, onChange }: TlsFilesParts,
    current: TlsContext,
    stamp: string,
  ) {
    this.#context = context;
    this.#options = options;
    this.#owner = owner;
    this.#onChange = onChange;
    this.#current = current;
    this.#readStamp = stamp;
    this.#seenStamp = stamp;
  }

  /** Rejects with the key, the file and the reason when something cannot be used. Nothing is watched yet. */
  static async open(parts: TlsFilesParts): Promise<TlsFiles> {
    const { context, options, owner } = parts;
    const stamp = await stampOf(context.runtime, options);
    const material = await readMaterial(context.runtime, options);
    const current = await create(context.runtime, options, material);
    const files = new TlsFiles(parts, current, stamp);
    files.#warnOfExpiry(owner);
    parts.onChange(material);
    return files;
  }

  /** For a handshake that begins now. */
  get current(): TlsContext {
    return this.#current;
  }

  watch(): void {
    this.#watching ??= this.#context.runtime.every(WATCH_MS, () => void this.#look(false));
  }

  /** Looks now, without waiting until a change has settled. */
  reload(): void {
    void this.#look(true);
  }

  close(): void {
    this.#watching?.stop();
    this.#watching = undefined;
  }

  async #look(isUrgent: boolean): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const { runtime } = this.#context;
    const stamp = await stampOf(runtime, this.#options);
    // A certificate and its key are two files, and are not replaced in one moment.
    const isSettled = isUrgent || stamp === this.#seenStamp;
    this.#seenStamp = stamp;
    if (isSettled && stamp !== this.#readStamp) await this.#readAgain(stamp);
    this.#isLooking = false;
  }

  async #readAgain(stamp: string): Promise<void> {
    const { runtime, logger } = this.#context;
    this.#readStamp = stamp;
    try {
      const material = await readMaterial(runtime, this.#options);
      this.#current = await create(runtime, this.#options, material);
      this.#onChange(material);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      logger.error("Cannot reload a certificate: the old one stays in force", {
        listener: this.#owner,
        reason,
      });
      return;
    }
    logger.info("Reloaded a certificate", {
      listener: this.#owner,
      cert: this.#options.certFile,
      fingerprint: this.#current.fingerprint256,
      expires: dateText(this.#current.expiresMs),
    });
    this.#warnOfExpiry(this.#owner);
  }

  #warnOfExpiry(owner: string): void {
    const days = (this.#current.expiresMs - this.#context.clock.nowMs()) / DAY_MS;
    if (days > EXPIRY_WARNING_DAYS) return;
    this.#context.logger.warn(
      days < 0 ? "A certificate has expired" : "A certificate expires soon",
      {
        listener: owner,
        cert: this.#options.certFile,
        expires: dateText(this.#current.expiresMs),
      },
    );
  }
}

/** Certificates may be good for longer than dates go. */
function dateText(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? "at no time" : date.toISOString();
}

export interface TlsFilesParts {
  readonly context: TlsFilesContext;
  readonly options: TlsOptions;
  /** Name of the listener, for the log. */
  readonly owner: string;
  /** Called with what was read at first, and whenever it is replaced. */
  readonly onChange: (material: TlsMaterial) => void;
}

/** Changes with any of the files; one that is not there, as in the middle of a replacement, has a stamp, too. */
async function stampOf(
  runtime: TlsFilesContext["runtime"],
  options: TlsOptions,
): Promise<string> {
  const { certFile, keyFile, caFile, crlFile } = options;
  const stamps: string[] = [];
  for (const file of [certFile, keyFile, caFile, crlFile]) {
    if (file === undefined) continue;
    stamps.push(await runtime.fileStamp(file).catch((error: unknown) => String(error)));
  }
  return stamps.join(" ");
}

async function readMaterial(
  runtime: TlsFilesContext["runtime"],
  options: TlsOptions,
): Promise<TlsMaterial> {
  const read = async (part: TlsPart, file: string): Promise<string> => {
    try {
      return await runtime.readTextFile(file);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new TlsMaterialError(part, `Cannot read ${part}: ${reason}`, { cause: error });
    }
  };
  const { certFile, keyFile, caFile, crlFile } = options;
  return {
    cert: await read("cert", certFile),
    key: await read("key", keyFile),
    keyPassword: options.keyPassword,
    ca: caFile === undefined ? undefined : await read("ca", caFile),
    crl: crlFile === undefined ? undefined : await read("crl", crlFile),
    verifyPeer: options.verifyPeer,
    failIfNoPeerCert: options.failIfNoPeerCert,
    minVersion: options.minVersion,
    ciphers: options.ciphers,
  };
}

async function create(
  runtime: TlsFilesContext["runtime"],
  options: TlsOptions,
  material: TlsMaterial,
): Promise<TlsContext> {
  try {
    return await runtime.createTlsContext(material);
  } catch (error) {
    if (!(error instanceof TlsMaterialError)) throw error;
    const file = fileOf(options, error.part);
    const place = file === undefined ? "" : ` (file "${file}")`;
    throw new TlsMaterialError(error.part, `${error.message}${place}`, { cause: error });
  }
}

function fileOf(options: TlsOptions, part: TlsPart): string | undefined {
  switch (part) {
    case "cert":
      return options.certFile;
    case "key":
    case "key_password":
      return options.keyFile;
    case "ca":
      return options.caFile;
    case "crl":
      return options.crlFile;
    case "ciphers":
      return undefined;
  }
}
