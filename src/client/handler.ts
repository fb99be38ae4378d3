import type {
  ConnackPacket,
  DisconnectPacket,
  PublishView,
  ReasonCode,
  SubackPacket,
  UnsubackPacket,
} from "../mqtt/mod.ts";
import type { CloseCause } from "../runtime/mod.ts";

/** The user of a client. None of these may throw. */
export interface MqttClientHandler {
  /** The server has accepted the connection. Left out: the promise of `connect` says it, a little later. */
  onConnack?(packet: ConnackPacket): void;
  /** A message. What it says is valid until this returns; it is acknowledged after that. */
  onMessage?(message: PublishView): void;
  /** The exchange of a message of QoS 1 or 2 is over; from 0x80 on `reasonCode` says why the server does not take it. */
  onPublished?(packetId: number, reasonCode: ReasonCode): void;
  onSuback?(packet: SubackPacket): void;
  onUnsuback?(packet: UnsubackPacket): void;
  /** The server says goodbye; `onClose` follows. */
  onDisconnect?(packet: DisconnectPacket): void;
  /** The client was congested, and is not any more. */
  onDrained?(): void;
  /** The connection, which had been accepted, is over. Nothing follows. */
  onClose?(cause: CloseCause, detail: string | undefined): void;
}
