export { type Flushable, FlushSet, type FlushSetParts, Touch } from "./flush_set.ts";
export {
  type Listener,
  LISTENER_TYPES,
  type ListenerChange,
  type ListenerContext,
  type ListenerFigures,
  type ListenerOptions,
  type ListenerOwner,
  type ListenerTerms,
  type ListenerType,
  type PeerCertAs,
  type TlsOptions,
  withChange,
} from "./listener.ts";
export {
  type ListenerEnvironment,
  type PreparedListener,
  prepareListener,
} from "./open_listener.ts";
export { connectWebSocket, type WebSocketTarget } from "./connect_websocket.ts";
export { TlsFiles, type TlsFilesContext, type TlsFilesParts } from "./tls_files.ts";
export { OutboundBuffer, trimSparePages } from "./outbound_buffer.ts";
