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

/** The file first: whoever waits for the line may then read it. Rejects when it cannot be written. */
export async function announceReady(
  runtime: Runtime,
  report: ReadyReport,
  readyFile: string | undefined,
): Promise<void> {
  const json = JSON.stringify(report);
  if (readyFile !== undefined) await runtime.writeFileAtomic(readyFile, `${json}\n`);
  runtime.writeStdout(`ready ${json}\n`);
}
