import { Deque } from "../base/mod.ts";
import type { Qos } from "../mqtt/mod.ts";
import type { SessionContext } from "./session_context.ts";
import type { Delivery, Message } from "./message.ts";
import type { MessageQueue } from "./message_queue.ts";

/** Retained messages of one new subscription that are still to be sent. */
interface Replay {
  readonly messages: readonly Message[];
  readonly qos: Qos;
  readonly identifiers: readonly number[];
  next: number;
  /** The rest had to wait: what has replaced one of its messages meanwhile goes before it. */
  isLate: boolean;
}

/** Retained messages on their way to new subscriptions. Only references: the messages are the retained store's. */
export class Replays {
  readonly #waiting = new Deque<Replay>();
  #held = 0;

  /** References to messages, sent ones of lists that are not through included. */
  get held(): number {
    return this.#held;
  }

  /** `isLate`: the messages were found in an earlier turn. */
  add(
    messages: readonly Message[],
    qos: Qos,
    identifiers: readonly number[],
    isLate: boolean,
  ): void {
    this.#waiting.push({ messages, qos, identifiers, next: 0, isLate });
    this.#held += messages.length;
  }

  /** What is left of the newest did not leave together with its SUBACK. */
  setLate(): void {
    if (this.#waiting.length > 0) {
      (this.#waiting.at(this.#waiting.length - 1) as Replay).isLate = true;
    }
  }

  /** The next message that is still wanted; those before it that are not are forgotten. */
  peek<Group extends object>(
    context: Pick<SessionContext, "clock" | "isRetained">,
  ): Delivery<Group> | undefined {
    const nowMs = context.clock.nowMs();
    while (this.#waiting.length > 0) {
      const replay = this.#waiting.at(0) as Replay;
      const { messages } = replay;
      for (; replay.next < messages.length; replay.next++) {
        const message = messages[replay.next] as Message;
        if (message.expiresAtMs <= nowMs) continue;
        if (replay.isLate && !context.isRetained(message)) continue;
        return deliveryOf(replay, message);
      }
      this.#waiting.shift();
      this.#held -= messages.length;
    }
    return undefined;
  }

  /** Puts all that is left and still retained into the queue, as far as there is room. Returns how many it dropped. */
  moveTo<Group extends object>(
    queue: MessageQueue<Group>,
    context: Pick<SessionContext, "isRetained" | "limits" | "counters">,
  ): number {
    const limits = { ...context.limits, whenFull: "drop_newest" } as const;
    let dropped = 0;
    for (let replay = this.#waiting.shift(); replay !== undefined; replay = this.#waiting.shift()) {
      for (const message of replay.messages.slice(replay.next)) {
        if (!context.isRetained(message)) continue;
        const next = deliveryOf<Group>(replay, message);
        if (next.qos > 0 && !queue.push(next, limits, context.counters)) dropped++;
      }
    }
    return dropped;
  }

  /** The one that `peek` showed is taken. */
  shift(): void {
    if (this.#waiting.length > 0) (this.#waiting.at(0) as Replay).next++;
  }
}

function deliveryOf<Group extends object>(replay: Replay, message: Message): Delivery<Group> {
  const qos = message.qos < replay.qos ? message.qos : replay.qos;
  return { message, qos, retain: true, identifiers: replay.identifiers, group: undefined };
}
