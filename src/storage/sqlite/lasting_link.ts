import type { FailureKind } from "./failure_kind.ts";
import type { WriterAside, WriterLink, WriterReply, WriterRequest } from "./writer_protocol.ts";

type OpenRequest = WriterRequest & { readonly kind: "open" };

/** Sent to the writer that is there, and not answered. `isOurs`: to open the database again. */
interface Sent {
  readonly request: WriterRequest;
  readonly isOurs: boolean;
}

/**
 * A writer that is replaced when its thread is gone.
 *
 * Its successor opens the database and is sent again, in the old order, what was not answered. What had become of that need
 * not be known: a batch, or a change of records, leaves the database as it is when it is written once more before anything
 * else (`BatchWriter`), and what the thread did not commit its connection has rolled back. Batches lie in shared memory, and
 * nobody changes one that is not answered.
 *
 * Only while a database is set right there is no successor, for its draft is gone with the thread: then all stays as it is
 * until the broker is started again.
 */
export class LastingLink implements WriterLink {
  onReply: (reply: WriterReply) => void = dropReply;
  readonly #start: () => WriterLink;
  #writer: WriterLink;
  /** In order. */
  #sent: Sent[] = [];
  /** The database; undefined: none was opened. */
  #opened: OpenRequest | undefined;
  /** The writer has that and nothing else. */
  #isReplaceable = false;
  /** What batches are in, and of these what the writer that is there was shown. */
  readonly #memories: (ArrayBufferLike | undefined)[] = [];
  readonly #shown = new Set<number>();
  /** Requests that wait until another writer has opened the database; undefined: there is no need to. */
  #waiting: WriterRequest[] | undefined;
  #isStarting = false;
  /** The writer that is there has not answered anything but that it has opened the database. */
  #isUnproven = false;
  #isEnded = false;
  #problem: string | undefined;
  /** Bytes that the writer says it has written, and those of the ones before it. */
  #bytes = 0;
  #bytesBefore = 0;

  constructor(start: () => WriterLink) {
    this.#start = start;
    this.#writer = this.#startOne();
  }

  #startOne(): WriterLink {
    const writer = this.#start();
    writer.onReply = (reply) => this.#replied(reply);
    return writer;
  }

  send(request: WriterRequest): void {
    if (request.kind === "commit" && request.memory !== undefined) {
      this.#memories[request.index] = request.memory;
    }
    if (this.#waiting === undefined) this.#pass(request, false);
    else {
      this.#waiting.push(request);
      this.#replace();
    }
  }

  end(): Promise<void> {
    this.#isEnded = true;
    return this.#writer.end();
  }

  #pass(request: WriterRequest, isOurs: boolean): void {
    this.#sent.push({ request, isOurs });
    this.#writer.send(request.kind === "commit" ? this.#withMemory(request) : request);
  }

  #withMemory(request: WriterRequest & { kind: "commit" }): WriterRequest {
    const { index, memory } = request;
    if (memory === undefined && this.#shown.has(index)) return request;
    this.#shown.add(index);
    return memory === undefined ? { ...request, memory: this.#memories[index] } : request;
  }

  #replied(reply: WriterReply): void {
    if (reply.kind === "gone") return this.#lost(reply.error);
    const sent = this.#sent.shift();
    if (sent?.isOurs === true) return this.#reopened(reply);
    this.#isUnproven = false;
    switch (reply.kind) {
      case "opened":
        if (sent?.request.kind === "open") this.#opened = sent.request;
        this.#isReplaceable = true;
        break;
      case "sound":
      case "abandoned":
        this.#isReplaceable = this.#opened !== undefined;
        break;
      case "drafted":
      case "finished":
      case "closed":
        this.#isReplaceable = false;
        break;
      case "committed":
      case "recorded":
      case "rested":
        return this.onReply(this.#withPast(reply));
      case "failed":
        break;
    }
    this.onReply(reply);
  }

  /** What the writers before this one have written, and what became of the last of them. */
  #withPast<T extends WriterReply & WriterAside>(reply: T): T {
    this.#bytes = reply.bytesWritten;
    const problem = this.#problem;
    if (this.#bytesBefore === 0 && problem === undefined) return reply;
    const told = { ...reply, bytesWritten: this.#bytesBefore + reply.bytesWritten };
    if (problem === undefined || told.problem !== undefined) return told;
    this.#problem = undefined;
    return { ...told, problem };
  }

  // --- another writer ---------------------------------------------------------------------------

  #lost(error: string): void {
    if (this.#isEnded) return;
    if (!this.#isReplaceable) return this.onReply({ kind: "gone", error });
    const before = this.#sent.splice(0).filter(({ isOurs }) => !isOurs);
    this.#waiting = [...before.map(({ request }) => request), ...this.#waiting ?? []];
    this.#isStarting = false;
    this.#problem = `${error}; another one has taken its place`;
    // It may be what it was sent that it dies of: whoever sent that tries again, ever less often.
    if (this.#isUnproven) this.#refuse(error, "passing");
    else this.#replace();
  }

  #replace(): void {
    if (this.#isStarting) return;
    this.#isStarting = true;
    const old = this.#writer;
    old.onReply = dropReply;
    this.#shown.clear();
    this.#bytesBefore += this.#bytes;
    this.#bytes = 0;
    const next = (): void => this.#reopen();
    // One that cannot be ended is gone as well.
    old.end().then(next, next);
  }

  #reopen(): void {
    const opened = this.#opened;
    if (this.#isEnded || opened === undefined) return;
    this.#isUnproven = true;
    try {
      this.#writer = this.#startOne();
      this.#pass({ ...opened, purge: undefined }, true);
    } catch (error) {
      this.#isStarting = false;
      this.#refuse(error instanceof Error ? error.message : String(error), "passing");
    }
  }

  #reopened(reply: WriterReply): void {
    this.#isStarting = false;
    if (reply.kind === "failed") {
      this.#refuse(reply.error, reply.failure);
      // What is damaged can be set right by one that has not opened it.
      if (reply.failure === "damage") this.#waiting = undefined;
      return;
    }
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const request of waiting) this.#pass(request, false);
  }

  /** The next request is another try. */
  #refuse(error: string, failure: FailureKind): void {
    const refused = this.#waiting ?? [];
    this.#waiting = [];
    for (const { kind } of refused) {
      if (kind !== "records") this.onReply({ kind: "failed", error, failure });
      else {
        const bytesWritten = this.#bytesBefore;
        const aside = { bytesWritten, purged: [], problem: undefined, isDamaged: false };
        this.onReply({ kind: "recorded", error, rows: 0, ...aside });
      }
    }
  }
}

function dropReply(): void {}
