import type { Journal } from "./journal.ts";
import type { MessageQueue } from "./message_queue.ts";
import type { OutboundExchange } from "./outbound_exchange.ts";
import type { Outlet } from "./outlet.ts";
import type { Replays } from "./replays.ts";
import type { SessionContext } from "./session_context.ts";
import type { SessionOwner } from "./session_owner.ts";

/**
 * Sends what waits in the queue of a session, as far as quota and outlet allow: many messages with one copy, where nobody
 * has to look at each of them. `isKept`: they may have to be sent again. False: something still waits.
 */
export function pumpQueue<Group extends object>(
  queue: MessageQueue<Group>,
  exchange: OutboundExchange<Group>,
  outlet: Outlet,
  context: SessionContext,
  owner: SessionOwner<Group>,
  isKept: boolean,
): boolean {
  const { counters, clock, isGuarded } = context;
  const isRunnable = !isGuarded && !queue.hasJournal && outlet.forwardsRuns;
  for (;;) {
    if (isRunnable && !isKept && !pumpBlocks(queue, exchange, outlet, context)) return false;
    const next = queue.peek(counters);
    if (next === undefined) return true;
    if (next.message.expiresAtMs !== Infinity && next.message.expiresAtMs <= clock.nowMs()) {
      queue.drop(counters);
      owner.onOver(next, "expired");
      continue;
    }
    if (isGuarded && !owner.mayReceive(next)) {
      queue.drop(counters);
      owner.onOver(next, "denied");
      continue;
    }
    if (outlet.isFull || (next.qos > 0 && !exchange.hasQuota)) return false;
    if (isRunnable && pumpRun(queue, exchange, outlet, context, isKept)) continue;
    if (next.qos === 0) queue.drop(counters);
    else queue.shift(counters);
    owner.send(next, queue.takenSeq);
  }
}

/** Sends what came together. False: the rest of it waits for quota or for the outlet. */
function pumpBlocks<Group extends object>(
  queue: MessageQueue<Group>,
  exchange: OutboundExchange<Group>,
  outlet: Outlet,
  { counters }: SessionContext,
): boolean {
  for (let block = queue.block; block !== undefined; block = queue.block) {
    if (!outlet.canPublishRun(block)) return true;
    if (outlet.isFull || !exchange.hasQuota) return false;
    const { count, start, end } = exchange.sendFrames(block, queue.blockIndex, outlet, 1);
    queue.shiftBlock(count, end - start, counters);
  }
  return true;
}

/** Sends those that lie one behind the other in memory, as far as quota allows. False: there is none. */
function pumpRun<Group extends object>(
  queue: MessageQueue<Group>,
  exchange: OutboundExchange<Group>,
  outlet: Outlet,
  { counters }: SessionContext,
  isKept: boolean,
): boolean {
  const { count, start, end } = exchange.sendRun(queue, outlet, isKept);
  if (count === 0) return false;
  queue.shiftMany(count, end - start, counters);
  return true;
}

/** Sends retained messages to new subscriptions. False: some of them still wait. */
export function pumpReplays<Group extends object>(
  replays: Replays,
  exchange: OutboundExchange<Group>,
  outlet: Outlet,
  context: SessionContext,
  owner: SessionOwner<Group>,
  journal: Journal<Group> | undefined,
): boolean {
  for (;;) {
    const next = replays.peek<Group>(context);
    if (next === undefined) return true;
    if (context.isGuarded && !owner.mayReceive(next)) {
      replays.shift();
      continue;
    }
    if (outlet.isFull || (next.qos > 0 && !exchange.hasQuota)) return false;
    replays.shift();
    owner.send(next, next.qos > 0 ? journal?.push(next) ?? 0 : 0);
  }
}
