import { CallbackTimer, Prng, SystemClock } from "../base/mod.ts";
import {
  ClientLoop,
  ClientSession,
  ConnectionRefused,
  MqttClient,
  type MqttClientHandler,
  type OutgoingMessage,
} from "../client/mod.ts";
import {
  encodeUtf8,
  filterMatches,
  parseTopicFilter,
  type PublishView,
  type SubackPacket,
} from "../mqtt/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import { ClientErrors, ClientStatus } from "./client_status.ts";
import {
  CONNECT_TIMEOUT_MS,
  connectPacketOf,
  FileProblem,
  targetOf,
  traceTo,
} from "./open_client.ts";
import { OutputBuffer } from "./output_buffer.ts";
import { MessagePrinter } from "./message_printer.ts";
import type { SubArguments } from "./sub_arguments.ts";

const FIRST_FAILURE = 0x80;
/** Between a connection that was lost and the next attempt. */
const RETRY_MS = 1000;
const NO_BYTES = new Uint8Array(0);

/** Subscribes and prints until something ends it; resolves with the exit status. */
export async function subscribe(runtime: Runtime, args: SubArguments): Promise<number> {
  const errors = new ClientErrors(runtime, args.isQuiet);
  const loop = new ClientLoop(runtime, new SystemClock());
  try {
    return await new Subscriber(runtime, loop, args, errors).run();
  } catch (error) {
    if (!(error instanceof FileProblem)) return errors.explain(error);
    errors.say(`Error: ${error.message}`);
    return ClientStatus.failed;
  } finally {
    loop.close();
  }
}

/** A subscription that outlives its connections. */
class Subscriber implements MqttClientHandler {
  readonly #runtime: Runtime;
  readonly #loop: ClientLoop;
  readonly #args: SubArguments;
  readonly #errors: ClientErrors;
  readonly #session = new ClientSession();
  readonly #connect: ReturnType<typeof connectPacketOf>;
  readonly #out = new OutputBuffer();
  readonly #printer: MessagePrinter;
  readonly #filterOuts: readonly string[];
  readonly #prng = new Prng(Date.now());
  #client: MqttClient | undefined;
  #clientId: string;
  #count = 0;
  #isFlushDue = false;
  /** What the program ends with; undefined: it goes on. */
  #status: number | undefined;
  /** Retained messages that are being removed. */
  #removing = 0;
  #wake: (() => void) | undefined;

  constructor(runtime: Runtime, loop: ClientLoop, args: SubArguments, errors: ClientErrors) {
    this.#runtime = runtime;
    this.#loop = loop;
    this.#args = args;
    this.#errors = errors;
    this.#connect = connectPacketOf(runtime, args, "sub");
    this.#clientId = this.#connect.clientId;
    this.#printer = new MessagePrinter(args, this.#out, (problem) => errors.say(problem));
    this.#filterOuts = args.filterOuts.map((filter) => {
      const parse = parseTopicFilter(filter);
      return parse.valid ? parse.filter : filter;
    });
  }

  async run(): Promise<number> {
    const target = await targetOf(this.#runtime, this.#args);
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      this.#runtime.onSignal(signal, () => this.#end(ClientStatus.fine));
    }
    for (let isFirst = true; this.#status === undefined; isFirst = false) {
      if (!isFirst) await this.#pause(RETRY_MS);
      if (this.#status !== undefined) break;
      const client = this.#client = this.#newClient();
      try {
        await client.connect(target);
      } catch (error) {
        this.#client = undefined;
        if (this.#status !== undefined) break;
        // Somebody who was there will be there again; who says no means it.
        if (isFirst || error instanceof ConnectionRefused) throw error;
        continue;
      }
      if (isFirst) this.#startTimeout();
      while (this.#client === client) await this.#news();
    }
    this.#flush();
    return this.#status;
  }

  #newClient(): MqttClient {
    const packetTrace = traceTo((line) => this.#print(line), () => this.#clientId);
    return new MqttClient(this.#loop, {
      connect: this.#connect,
      timeoutMs: CONNECT_TIMEOUT_MS,
      inflightMax: 65_535,
      keepsMessages: true,
      session: this.#session,
      ...(this.#args.isDebug ? { trace: packetTrace } : {}),
    }, this);
  }

  // --- what the client tells --------------------------------------------------------------------

  onConnack(): void {
    const client = this.#client as MqttClient;
    const { assignedClientId } = client.connack ?? {};
    if (assignedClientId !== undefined) this.#clientId = assignedClientId;
    const { filters, unsubscribeFilters, qos, retainAsPublished } = this.#args;
    if (filters.length > 0) {
      const subscriptions = filters.map((filter) => ({
        filter,
        qos,
        noLocal: false,
        retainAsPublished,
        retainHandling: 0 as const,
      }));
      const { subscriptionIdentifier, subscribeProperties } = this.#args;
      client.subscribe(subscriptions, subscriptionIdentifier, subscribeProperties);
    }
    if (unsubscribeFilters.length > 0) {
      client.unsubscribe(unsubscribeFilters, this.#args.unsubscribeProperties);
    }
  }

  onSuback({ packetId, reasonCodes }: SubackPacket): void {
    if (this.#args.isDebug) {
      this.#print(`Subscribed (mid: ${packetId}): ${reasonCodes.join(", ")}\n`);
    }
    if (reasonCodes.every((code) => code >= FIRST_FAILURE)) {
      this.#errors.say("All subscription requests were denied.");
      this.#end(ClientStatus.denied);
    } else if (this.#args.endsWhenSubscribed) this.#end(ClientStatus.fine);
  }

  onUnsuback(): void {
    const { filters, endsWhenSubscribed } = this.#args;
    if (filters.length === 0 && endsWhenSubscribed) this.#end(ClientStatus.fine);
  }

  onMessage(view: PublishView): void {
    if (this.#status !== undefined) return;
    const { retain } = view;
    const { isRetainedOnly, removesRetained, printsRetained, countMax, share } = this.#args;
    if (isRetainedOnly && !retain) {
      this.#end(ClientStatus.fine);
      return;
    }
    const client = this.#client as MqttClient;
    if (this.#filterOuts.length > 0) {
      const topic = client.topicOf(view);
      if (this.#filterOuts.some((filter) => filterMatches(filter, topic))) return;
    }
    if (removesRetained && retain) this.#remove(client, client.topicOf(view));
    if (retain && !printsRetained) return;
    if (share < 1 && this.#prng.nextFloat() > share) return;
    this.#printer.print(view, client);
    this.#touch();
    this.#count++;
    if (this.#count === countMax) this.#end(ClientStatus.fine);
  }

  onPublished(): void {
    this.#removing--;
    if (this.#removing === 0 && this.#status !== undefined) this.#disconnect();
  }

  onClose(): void {
    this.#client = undefined;
    this.#wake?.();
  }

  // --- ending -----------------------------------------------------------------------------------

  #end(status: number): void {
    if (this.#status !== undefined) return;
    this.#status = status;
    // What is to be removed has to reach the server first.
    if (this.#removing === 0 || this.#client?.isConnected !== true) this.#disconnect();
    this.#wake?.();
  }

  #disconnect(): void {
    const client = this.#client;
    if (client === undefined) return;
    client.disconnect(0, this.#args.disconnect);
  }

  #startTimeout(): void {
    if (this.#args.timeoutMs === 0) return;
    const timer = new CallbackTimer(() => {
      if (this.#status !== undefined) return;
      this.#errors.say("Timed out");
      this.#end(ClientStatus.timedOut);
    });
    this.#loop.timers.schedule(timer, this.#args.timeoutMs);
  }

  #remove(client: MqttClient, topic: string): void {
    const message: OutgoingMessage = {
      topic: encodeUtf8(topic),
      payload: NO_BYTES,
      qos: client.room > 0 ? 1 : 0,
      retain: true,
      properties: NO_BYTES,
    };
    if (client.publish(message) > 0) this.#removing++;
  }

  // --- output -----------------------------------------------------------------------------------

  #print(line: string): void {
    this.#out.text(line);
    this.#touch();
  }

  #touch(): void {
    if (this.#out.isFull) this.#flush();
    else if (!this.#isFlushDue) {
      this.#isFlushDue = true;
      this.#runtime.defer(() => {
        this.#isFlushDue = false;
        this.#flush();
      });
    }
  }

  #flush(): void {
    if (this.#out.length === 0) return;
    const isRead = this.#runtime.writeStdoutBytes(this.#out.take());
    // As `head` does it: whoever was to read has had enough.
    if (!isRead) this.#end(ClientStatus.fine);
  }

  // --- waiting ----------------------------------------------------------------------------------

  async #news(): Promise<void> {
    await new Promise<void>((resolve) => this.#wake = resolve);
    this.#wake = undefined;
  }

  async #pause(ms: number): Promise<void> {
    let isTime = false;
    const timer = new CallbackTimer(() => {
      isTime = true;
      this.#wake?.();
    });
    this.#loop.timers.schedule(timer, ms);
    while (!isTime && this.#status === undefined) await this.#news();
  }
}
