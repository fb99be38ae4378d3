export { assert, AssertionError, never } from "./assert.ts";
export { type Clock, SystemClock } from "./clock.ts";
export { Deque } from "./deque.ts";
export { LatencyHistogram } from "./latency_histogram.ts";
export { Histogram } from "./histogram.ts";
export { LimitedLogger } from "./limited_logger.ts";
export {
  LineLogger,
  LOG_FORMATS,
  LOG_LEVELS,
  type LogFields,
  type LogFormat,
  type Logger,
  type LogLevel,
  type LogOptions,
  type LogValue,
  SILENT_LOGGER,
} from "./logger.ts";
export { isPromise, type MaybePromise, then } from "./maybe_promise.ts";
export { createMessageId } from "./message_id.ts";
export { Prng } from "./prng.ts";
export { type Sequenced, SequenceList } from "./sequence_list.ts";
export { shorten } from "./shorten.ts";
export { SlidingSum } from "./sliding_sum.ts";
export { nearest } from "./suggest.ts";
export { type SmallMap, smallMapAdd, smallMapGet, smallMapRemove } from "./small_map.ts";
export { CallbackTimer, Timer, TimerWheel } from "./timer_wheel.ts";
export {
  formatIpNetwork,
  type IpNetwork,
  ipNetworkContains,
  maskIpNetwork,
  parseIpNetwork,
} from "./ip_network.ts";
export { TokenBucket } from "./token_bucket.ts";
export { TurnQueue } from "./turn_queue.ts";
