import { Inflight, ReceivedIds } from "../session/mod.ts";
import type { OutgoingMessage } from "./outgoing_message.ts";

/**
 * What a client and its server have begun at QoS 1 and 2 and not ended: it may outlive a connection, and is then handed
 * to the client of the next one.
 */
export class ClientSession {
  readonly inflight = new Inflight<OutgoingMessage>();
  readonly received = new ReceivedIds();
}
