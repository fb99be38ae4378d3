import type { ListenerOptions, ListenerTerms } from "../../src/transport/mod.ts";

/** A listener with every key at its default, on a free port. */
export const LISTENER_OPTIONS: ListenerOptions = {
  name: "tcp:default",
  type: "tcp",
  host: "127.0.0.1",
  port: 0,
  socketPath: undefined,
  socketMode: 0o660,
  wsPath: "/mqtt",
  origins: [],
  tls: undefined,
  peerCertAs: "none",
  proxyProtocol: false,
  trustedProxies: [],
  maxConnections: 100_000,
  maxConnectionsPerAddress: 0,
  connectRate: 0,
  allowAnonymous: true,
  mountpoint: "",
};

/** What a broker is told of that listener. */
export const LISTENER_TERMS: ListenerTerms = LISTENER_OPTIONS;
