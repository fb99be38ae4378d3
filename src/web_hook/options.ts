import type { PayloadEncoding } from "./encode_payload.ts";

/** Section `[web_hook]`. */
export interface WebHookOptions {
  readonly isEnabled: boolean;
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly encodePayload: PayloadEncoding;
  /** What `parseHookRule` takes; none: all hooks. */
  readonly rules: readonly string[];
  readonly timeoutMs: number;
  /** Requests under way at the same time, of one client no more than one. */
  readonly parallelMax: number;
  readonly queuedMax: number;
  readonly queuedBytesMax: number;
  readonly whenFull: "drop-newest" | "drop-oldest";
  readonly retriesMax: number;
  readonly retryDelayMaxMs: number;
  /** With authorities in PEM that sign the server's certificate; undefined: those of the system. */
  readonly caFile: string | undefined;
  readonly verifiesPeer: boolean;
}
