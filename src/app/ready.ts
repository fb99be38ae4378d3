import type { ApiName } from "../http/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import type { ListenerType } from "../transport/mod.ts";
import { VERSION } from "./version.ts";

/** A listener that accepts. */
export interface ReadyListener {
  readonly type: ListenerType;
  /** As a client would be given it; IPv6 addresses in brackets. */
  readonly url: string;
  /** The port that is really bound. */
  readonly port: number;
}

/** A web server that accepts, and which APIs it serves. */
export interface ReadyHttp {
  readonly url: string;
  readonly port: number;
  readonly apis: readonly ApiName[];
}

/** All that accepts. */
export interface Opened {
  readonly listeners: readonly ReadyListener[];
  readonly http: readonly ReadyHttp[];
}

/** What `--ready-file` and the `ready` line say; the fields are a contract. */
export interface ReadyReport extends Opened {
  readonly pid: number;
  readonly version: string;
  readonly runtime: string;
}

export function createReadyReport(
  runtime: Runtime,
  opened: Opened,
): ReadyReport {
  return {
    pid: runtime.pid,
    version: VERSION,
    runtime: `${runtime.name} ${runtime.version}`,
    ...opened,
  };
}

/** Rejects when it cannot be written. */
export async function writeReadyFile(
  runtime: Runtime,
  report: ReadyReport,
  file: string | undefined,
): Promise<void> {
  if (file === undefined) return;
  try {
    await runtime.writeFileAtomic(file, `${JSON.stringify(report)}\n`);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot write ready file "${file}": ${reason}`, { cause });
  }
}
