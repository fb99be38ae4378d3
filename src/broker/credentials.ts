import type { ConnectPacket } from "../mqtt/mod.ts";
import type { Credentials } from "../ports/mod.ts";
import type { ClientConnection } from "./client_connection.ts";

/** What a CONNECT shows, with the names that the listener takes from the client's certificate in their places. */
export function credentialsOf(from: ClientConnection, packet: ConnectPacket): Credentials {
  const { name, allowAnonymous, peerCertAs } = from.listener.options;
  const { peerCertificate } = from.socket;
  const certified = peerCertificate?.isVerified === true && peerCertificate.commonName !== ""
    ? peerCertificate.commonName
    : undefined;
  const named = peerCertAs === "client_id" ? certified ?? packet.clientId : packet.clientId;
  return {
    clientId: named === "" ? `auto-${crypto.randomUUID()}` : named,
    isClientIdAssigned: named === "",
    username: peerCertAs === "username" ? certified ?? packet.username : packet.username,
    password: packet.password,
    remoteAddress: from.socket.remoteAddress,
    version: packet.version,
    allowAnonymous,
    listenerName: name,
    peerCertificate,
    peerCertAs,
    hasLeft: () => from.state !== "connecting",
  };
}

/** A token that stands where a user name should; whoever can read the log must not get hold of it. */
const TOKEN = /^e(?:yJ|yA|30|wo|w0|wk)[\w-]*\.[\w-]+\.[\w-]*$/;

/** A user name as the log may have it. */
export function shownUsername(username: string | undefined): string {
  if (username === undefined) return "";
  return TOKEN.test(username) ? "***" : username;
}
