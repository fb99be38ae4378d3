import { readFile } from "node:fs/promises";
import { CallbackTimer, SystemClock } from "../base/mod.ts";
import {
  CannotPublish,
  ClientLoop,
  ClientSession,
  type ClientTarget,
  ConnectionLost,
  ConnectionRefused,
  encodePublishProperties,
  MqttClient,
  type MqttClientHandler,
  type OutgoingMessage,
} from "../client/mod.ts";
import {
  type ConnectPacket,
  encodeUtf8,
  PacketEncodeError,
  ReasonCode,
  reasonCodeText,
} from "../mqtt/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import { capitalized, ClientErrors, ClientStatus } from "./client_status.ts";
import {
  CONNECT_TIMEOUT_MS,
  connectPacketOf,
  FileProblem,
  targetOf,
  traceTo,
} from "./open_client.ts";
import { joined, linesOf } from "./payload_lines.ts";
import type { PubArguments } from "./pub_arguments.ts";

/** Where the bytes of standard input come from. */
export type StandardInput = AsyncIterable<Uint8Array>;

const FIRST_FAILURE = 0x80;
/** Between a connection that was lost and the next attempt. */
const RETRY_MS = 1000;

/** Publishes what the arguments say; resolves with the exit status. */
export async function publish(
  runtime: Runtime,
  args: PubArguments,
  input: StandardInput,
): Promise<number> {
  const errors = new ClientErrors(runtime, args.isQuiet);
  const loop = new ClientLoop(runtime, new SystemClock());
  try {
    const publisher = new Publisher(runtime, loop, args, errors);
    const payload = await payloadOf(args, input);
    await publisher.connect();
    if (payload === undefined) await publisher.publishLines(input);
    else await publisher.publishAgainAndAgain(payload);
    await publisher.finish();
    return publisher.status;
  } catch (error) {
    if (error instanceof CannotPublish) return errors.explainPublish(error);
    const isOurs = error instanceof FileProblem || error instanceof PacketEncodeError;
    if (!isOurs) return errors.explain(error);
    errors.say(`Error: ${error.message}`);
    return ClientStatus.failed;
  } finally {
    loop.close();
  }
}

/** Undefined: each line of standard input is one. */
async function payloadOf(
  { source }: PubArguments,
  input: StandardInput,
): Promise<Uint8Array | undefined> {
  switch (source.kind) {
    case "text":
      return encodeUtf8(source.text);
    case "file":
      return notEmpty(await readPayloadFile(source.path), `"${source.path}"`);
    case "stdin":
      return notEmpty(joined(await Array.fromAsync(input)), "standard input");
    case "lines":
      return undefined;
  }
}

async function readPayloadFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FileProblem(`Cannot read "${path}": ${reason}`, { cause: error });
  }
}

/** Nothing where something was to come is no message: retained, it would remove the one that is there. */
function notEmpty(payload: Uint8Array, what: string): Uint8Array {
  if (payload.length > 0) return payload;
  throw new FileProblem(`Cannot publish ${what}: it is empty; -n publishes a message of no bytes`);
}

class Publisher implements MqttClientHandler {
  status: number = ClientStatus.fine;
  readonly #runtime: Runtime;
  readonly #loop: ClientLoop;
  readonly #args: PubArguments;
  readonly #errors: ClientErrors;
  readonly #connectPacket: ConnectPacket;
  /** Goes on where a connection is lost and made again. */
  readonly #session = new ClientSession();
  #client: MqttClient;
  #target: ClientTarget | undefined;
  readonly #topic: Uint8Array;
  readonly #properties: Uint8Array;
  #clientId: string;
  #isEnding = false;
  #isOver = false;
  #wake: (() => void) | undefined;

  constructor(runtime: Runtime, loop: ClientLoop, args: PubArguments, errors: ClientErrors) {
    this.#runtime = runtime;
    this.#loop = loop;
    this.#args = args;
    this.#errors = errors;
    this.#topic = encodeUtf8(args.topic);
    this.#properties = encodePublishProperties(args.properties);
    this.#connectPacket = connectPacketOf(runtime, args, "pub");
    this.#clientId = this.#connectPacket.clientId;
    this.#client = this.#newClient();
  }

  #newClient(): MqttClient {
    const args = this.#args;
    const packetTrace = traceTo((line) => this.#runtime.writeStdout(line), () => this.#clientId);
    return new MqttClient(this.#loop, {
      connect: this.#connectPacket,
      timeoutMs: CONNECT_TIMEOUT_MS,
      inflightMax: args.inflightMax,
      keepsMessages: this.#isStream,
      session: this.#session,
      ...(args.isDebug ? { trace: packetTrace } : {}),
    }, this);
  }

  async connect(): Promise<void> {
    this.#target = await targetOf(this.#runtime, this.#args);
    await this.#client.connect(this.#target);
  }

  /** Lines may come for days: a connection that is lost is no reason to end. */
  get #isStream(): boolean {
    return this.#args.source.kind === "lines";
  }

  async publishLines(input: StandardInput): Promise<void> {
    for await (const line of linesOf(input)) {
      // A promise for each line only where there is something to wait for.
      if (!this.#hasRoom) await this.#room();
      this.#publish(line);
    }
  }

  async publishAgainAndAgain(payload: Uint8Array): Promise<void> {
    const { repeat, repeatDelayMs } = this.#args;
    for (let count = 0; count < repeat; count++) {
      if (count > 0 && repeatDelayMs > 0) await this.#pause(repeatDelayMs);
      if (!this.#hasRoom) await this.#room();
      this.#publish(payload);
    }
  }

  /** Waits for all acknowledgements, and says goodbye. */
  async finish(): Promise<void> {
    while (this.#session.inflight.count > 0) await this.#news();
    this.#isEnding = true;
    this.#client.disconnect(ReasonCode.normalDisconnection, this.#args.disconnect);
    while (!this.#isOver) await this.#news();
  }

  // --- what the client tells --------------------------------------------------------------------

  onConnack(): void {
    const { assignedClientId } = this.#client.connack ?? {};
    if (assignedClientId !== undefined) this.#clientId = assignedClientId;
  }

  onPublished(packetId: number, reasonCode: ReasonCode): void {
    if (reasonCode >= FIRST_FAILURE) {
      const why = capitalized(reasonCodeText(reasonCode));
      this.#errors.say(`Warning: Publish ${packetId} failed: ${why}.`);
      this.status = reasonCode;
    }
    this.#wake?.();
  }

  onDrained(): void {
    this.#wake?.();
  }

  onClose(): void {
    this.#isOver = true;
    this.#wake?.();
  }

  // --- waiting ----------------------------------------------------------------------------------

  #publish(payload: Uint8Array): void {
    const { qos, retain } = this.#args;
    const message: OutgoingMessage = {
      topic: this.#topic,
      payload,
      qos,
      retain,
      properties: this.#properties,
    };
    this.#client.publish(message);
  }

  get #hasRoom(): boolean {
    const client = this.#client;
    return !this.#isOver && !client.isCongested && (this.#args.qos === 0 || client.room > 0);
  }

  async #room(): Promise<void> {
    do await this.#news(); while (!this.#hasRoom);
  }

  /** Until the client tells something. Rejects with `ConnectionLost` when that was the end. */
  async #news(): Promise<void> {
    if (!this.#isOver) await new Promise<void>((resolve) => this.#wake = resolve);
    this.#wake = undefined;
    if (!this.#isOver || this.#isEnding) return;
    if (!this.#isStream || this.#target === undefined) {
      throw new ConnectionLost("The connection was lost");
    }
    while (this.#isOver) await this.#connectAgain(this.#target);
  }

  /** What was not acknowledged is sent again. */
  async #connectAgain(target: ClientTarget): Promise<void> {
    await new Promise<void>((resolve) => this.#loop.after(RETRY_MS, resolve));
    const client = this.#newClient();
    try {
      this.#client = client;
      await client.connect(target);
      this.#isOver = !client.isConnected;
    } catch (error) {
      // Who says no means it; who is not there may come back.
      if (error instanceof ConnectionRefused) throw error;
    }
  }

  async #pause(ms: number): Promise<void> {
    let isTime = false;
    this.#loop.timers.schedule(
      new CallbackTimer(() => {
        isTime = true;
        this.#wake?.();
      }),
      ms,
    );
    while (!isTime) await this.#news();
  }
}
