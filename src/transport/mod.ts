export { type Flushable, FlushSet } from "./flush_set.ts";
export type { Listener, ListenerOptions, ListenerOwner } from "./listener.ts";
export { OutboundBuffer, trimSparePages } from "./outbound_buffer.ts";
export { openTcpListener } from "./tcp.ts";
