import type { ConnectPacket } from "../mqtt/mod.ts";
import type { Identity } from "../ports/mod.ts";
import type { PeerCertificate } from "../runtime/mod.ts";
import type { ListenerTerms } from "../transport/mod.ts";
import type { ClientConnection } from "./client_connection.ts";
import type { WillView } from "./views.ts";

/** What is to be told of a client and neither its session nor its connection need; stays when the connection ends. */
export interface ClientDetails {
  readonly identity: Identity;
  readonly version: ConnectPacket["version"];
  readonly listener: ListenerTerms;
  readonly port: number;
  readonly peerCertificate: PeerCertificate | undefined;
  readonly serverName: string | undefined;
  readonly keepAliveS: number;
  readonly receiveMaximum: number;
  readonly acceptedAtMs: number;
  readonly connectedAtMs: number;
  readonly will: WillView | undefined;
}

/** Of a CONNECT that is being accepted. */
export function clientDetails(
  from: ClientConnection,
  packet: ConnectPacket,
  identity: Identity,
  keepAliveS: number,
): ClientDetails {
  const { core, socket, listener, acceptedAtMs } = from;
  const { will, version } = packet;
  return {
    identity,
    version,
    listener: listener.options,
    port: socket.remotePort,
    peerCertificate: socket.peerCertificate,
    serverName: socket.serverName,
    keepAliveS,
    receiveMaximum: version === 5 ? packet.receiveMaximum : core.options.maxInflight,
    acceptedAtMs,
    connectedAtMs: core.clock.nowMs(),
    will: will === undefined ? undefined : {
      topic: will.topic,
      payload: will.payload,
      qos: will.qos,
      retain: will.retain,
      delayS: Math.min(will.delayS, core.options.maxWillDelayS),
    },
  };
}
