import { stat } from "node:fs/promises";
import {
  AclAuthorizer,
  type AclOptions,
  type AclPolicy,
  aclPolicy,
  parseAclFile,
} from "../auth/mod.ts";
import type { Logger } from "../base/mod.ts";
import type { IntervalHandle, Runtime } from "../runtime/mod.ts";

export interface AclContext {
  readonly runtime: Pick<Runtime, "readTextFile" | "every">;
  readonly logger: Logger;
}

/** The rules, or a line for each problem of the file; never both. */
export type AclReading =
  | { readonly policy: AclPolicy; readonly problems: undefined }
  | { readonly policy: undefined; readonly problems: readonly string[] };

/** How often the file is looked at, in milliseconds. */
const WATCH_INTERVAL_MS = 2000;

/** Reads the file of `options`, if it names one, and compiles all rules. */
export async function readAclPolicy(
  runtime: Pick<Runtime, "readTextFile">,
  options: AclOptions,
): Promise<AclReading> {
  const { file } = options;
  if (file === "") return { policy: aclPolicy(options, []), problems: undefined };
  let text: string;
  try {
    text = await runtime.readTextFile(file);
  } catch (error) {
    return { policy: undefined, problems: [`Cannot read acl.file "${file}": ${textOf(error)}`] };
  }
  const { rules, problems } = parseAclFile(file, text);
  return problems === undefined
    ? { policy: aclPolicy(options, rules), problems }
    : { policy: undefined, problems };
}

/** Who may do what, as the configuration has it, with the file that it names: it is read again when it changes. */
export class AccessRules {
  readonly authorizer: AclAuthorizer;
  readonly #context: AclContext;
  #options: AclOptions;
  /** Of the file as it was when it was read last. */
  #stamp: string;
  #isLooking = false;
  readonly #watch: IntervalHandle;

  private constructor(context: AclContext, options: AclOptions, policy: AclPolicy, stamp: string) {
    this.#context = context;
    this.#options = options;
    this.#stamp = stamp;
    this.authorizer = new AclAuthorizer(policy);
    this.#watch = context.runtime.every(WATCH_INTERVAL_MS, () => void this.#look());
  }

  /** Rejects where the file cannot be used, with a line for each problem. The caller closes it. */
  static async open(context: AclContext, options: AclOptions): Promise<AccessRules> {
    const stamp = await stampOf(options.file);
    const { policy, problems } = await readAclPolicy(context.runtime, options);
    if (policy === undefined) throw new Error(problems.join("\n"));
    return new AccessRules(context, options, policy, stamp);
  }

  /** Reads everything anew. What is in force stays until the change is called. */
  async prepare(options: AclOptions): Promise<() => void> {
    const stamp = await stampOf(options.file);
    const { policy, problems } = await readAclPolicy(this.#context.runtime, options);
    if (policy === undefined) throw new Error(problems.join("\n"));
    return () => {
      this.#options = options;
      this.#stamp = stamp;
      this.authorizer.replace(policy);
    };
  }

  close(): void {
    this.#watch.stop();
  }

  /** A file that was changed counts from now on; one that cannot be used changes nothing. */
  async #look(): Promise<void> {
    const options = this.#options;
    if (this.#isLooking || options.file === "") return;
    this.#isLooking = true;
    const { logger } = this.#context;
    try {
      const stamp = await stampOf(options.file);
      // A reload may have come in between, and has read everything itself.
      if (stamp === this.#stamp || options !== this.#options) return;
      this.#stamp = stamp;
      const change = await this.prepare(options);
      if (options !== this.#options) return;
      change();
      logger.info("Read the access rules again, because their file was changed", {
        file: options.file,
      });
    } catch (error) {
      logger.error("Cannot use the changed access rules: what was read before stays in force");
      for (const line of textOf(error).split("\n")) logger.error(line);
    } finally {
      this.#isLooking = false;
    }
  }
}

/** What differs when the file is another one; one that is not there has a stamp, too. */
async function stampOf(file: string): Promise<string> {
  if (file === "") return "";
  try {
    const { mtimeMs, size, ino } = await stat(file);
    return `${mtimeMs} ${size} ${ino}`;
  } catch (error) {
    return textOf(error);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
