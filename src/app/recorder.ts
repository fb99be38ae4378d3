import { Buffer } from "node:buffer";
import { closeSync, openSync, writeSync } from "node:fs";
import { decodeMessageProperties } from "../mqtt/mod.ts";
import { type ClientEvent, EventBit, type EventSink } from "../ports/mod.ts";
import type { IntervalHandle, Runtime } from "../runtime/mod.ts";
import type { MessageOrigin, Publication } from "../session/mod.ts";

export interface RecorderOptions {
  /** Whether messages of `$SYS` count, too. */
  readonly recordsSys: boolean;
}

/** Text that is kept before it is written. */
const BUFFERED_CHARS_MAX = 64 * 1024;
/** How old it gets: whoever looks at the file while the command runs sees what has happened. */
const FLUSH_MS = 100;
const SETTLE_CHECK_MS = 10;
/** Silence that is long enough where clients are connected that may still say something, and where there is none. */
const SILENCE_MS = 150;
const SILENCE_ALONE_MS = 20;
const SETTLE_MAX_MS = 5000;
const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Writes every message that is published into a file, a line of JSON for each. It writes while the broker waits: a
 * disk that is slow slows the broker down, and nothing is lost for want of room.
 */
export class Recorder implements EventSink {
  readonly mask = EventBit.messagePublish | EventBit.clientConnected | EventBit.clientDisconnected;
  readonly #runtime: Runtime;
  readonly #path: string;
  readonly #recordsSys: boolean;
  readonly #file: number;
  readonly #flushing: IntervalHandle;
  #buffered = "";
  #connections = 0;
  /** Something happened since this was set. */
  #isSilent = true;
  #failure: string | undefined;

  /** The file is made, or emptied. Throws with the reason where that cannot be. */
  constructor(runtime: Runtime, path: string, { recordsSys }: RecorderOptions) {
    this.#runtime = runtime;
    this.#path = path;
    this.#recordsSys = recordsSys;
    this.#file = openSync(path, "w");
    this.#flushing = runtime.every(FLUSH_MS, () => this.#flush());
  }

  onPublish(publication: Publication, origin: MessageOrigin): void {
    this.#isSilent = false;
    if (publication.isSys && !this.#recordsSys) return;
    try {
      this.#buffered += `${recordLine(publication, origin)}\n`;
    } catch (error) {
      // Longer than any text can be.
      return this.#fail(error);
    }
    if (this.#buffered.length > BUFFERED_CHARS_MAX) this.#flush();
  }

  onClient({ type }: ClientEvent): void {
    this.#isSilent = false;
    if (type === "client.connected") this.#connections++;
    else if (type === "client.disconnected") this.#connections--;
  }

  onDeliver(): void {
    return undefined;
  }

  onAcked(): void {
    return undefined;
  }

  onDropped(): void {
    return undefined;
  }

  /**
   * Resolves when what a program sent before it ended has been read: all connections are gone then, or silent where
   * somebody else has them.
   */
  settled(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    let silentMs = 0;
    let waitedMs = 0;
    this.#isSilent = true;
    const checking = this.#runtime.every(SETTLE_CHECK_MS, () => {
      waitedMs += SETTLE_CHECK_MS;
      silentMs = this.#isSilent ? silentMs + SETTLE_CHECK_MS : 0;
      this.#isSilent = true;
      const enough = this.#connections > 0 ? SILENCE_MS : SILENCE_ALONE_MS;
      if (silentMs < enough && waitedMs < SETTLE_MAX_MS) return;
      checking.stop();
      resolve();
    });
    return promise;
  }

  /** Everything is in the file then. Answers why not where it is not. */
  close(): string | undefined {
    this.#flushing.stop();
    this.#flush();
    closeSync(this.#file);
    return this.#failure;
  }

  #flush(): void {
    const bytes = Buffer.from(this.#buffered, "utf8");
    this.#buffered = "";
    // A gap in the middle would be worse than an end.
    if (this.#failure !== undefined) return;
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(this.#file, bytes, at);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#failure ??= `Cannot record all messages in "${this.#path}": ${reason}`;
  }
}

function recordLine(
  publication: Publication,
  { timestampMs, clientId, username }: MessageOrigin,
): string {
  const { topic, payload, qos, retain } = publication;
  const text = textOf(payload);
  const properties = publication.own().properties;
  return JSON.stringify({
    time: new Date(timestampMs).toISOString(),
    topic,
    ...(text === undefined ? { ["payload_base64"]: base64Of(payload) } : { payload: text }),
    qos,
    retain,
    ["client_id"]: clientId,
    username: username ?? null,
    ...(properties.length > 0 || publication.expiryS >= 0
      ? { properties: propertiesOf(properties, publication.expiryS) }
      : {}),
  });
}

/** What is not there is left out. */
function propertiesOf(block: Uint8Array, expiryS: number): Readonly<Record<string, unknown>> {
  const properties = decodeMessageProperties(block);
  const { correlationData, userProperties } = properties;
  return {
    ["payload_format_indicator"]: properties.payloadFormatUtf8 === undefined
      ? undefined
      : Number(properties.payloadFormatUtf8),
    ["message_expiry_interval"]: expiryS >= 0 ? expiryS : undefined,
    ["content_type"]: properties.contentType,
    ["response_topic"]: properties.responseTopic,
    ["correlation_data_base64"]: correlationData === undefined
      ? undefined
      : base64Of(correlationData),
    ["user_properties"]: userProperties.length > 0
      ? userProperties.map(({ name, value }) => [name, value])
      : undefined,
  };
}

/** Undefined: it is no UTF-8. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return STRICT_UTF8.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
