import type { ConnectPacket } from "../mqtt/mod.ts";
import type { Identity, SessionRecord, StoredClient, StoredWill } from "../ports/mod.ts";
import type { PeerCertificate } from "../runtime/mod.ts";
import type { ClientConnection } from "./client_connection.ts";
import type { WillView } from "./views.ts";

/** What is to be told of a client and neither its session nor its connection need; stays when the connection ends. */
export interface ClientDetails extends StoredClient {
  readonly peerCertificate: PeerCertificate | undefined;
  readonly serverName: string | undefined;
  readonly will: WillView | undefined;
}

/** Of a CONNECT that is being accepted; `will`: as it was accepted. */
export function clientDetails(
  from: ClientConnection,
  packet: ConnectPacket,
  identity: Identity,
  terms: { readonly keepAliveS: number; readonly will: StoredWill | undefined },
): ClientDetails {
  const { core, socket, listener, acceptedAtMs } = from;
  const { version, cleanStart } = packet;
  const { name, type, mountpoint } = listener.options;
  return {
    username: identity.username,
    method: identity.method,
    version,
    cleanStart,
    keepAliveS: terms.keepAliveS,
    receiveMaximum: version === 5 ? packet.receiveMaximum : core.options.maxInflight,
    address: identity.remoteAddress,
    port: socket.remotePort,
    listenerName: name,
    listenerType: type,
    mountpoint,
    acceptedAtMs,
    connectedAtMs: core.clock.nowMs(),
    peerCertificate: socket.peerCertificate,
    serverName: socket.serverName,
    will: willView(terms.will),
  };
}

/** What an earlier run of the broker knew. */
export function restoredDetails({ client, will }: SessionRecord): ClientDetails | undefined {
  if (client === undefined) return undefined;
  return { ...client, peerCertificate: undefined, serverName: undefined, will: willView(will) };
}

function willView(will: StoredWill | undefined): WillView | undefined {
  if (will === undefined) return undefined;
  const { topic, payload, qos, retain } = will.message;
  return { topic, payload, qos, retain, delayS: will.delayS };
}
