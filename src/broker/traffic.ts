import type { BrokerCounters } from "./counters.ts";

/** What goes over one connection, in plain numbers; stays with the session when the connection has ended. */
export class Traffic {
  bytesReceived = 0;
  /** Chunks that the system gave us. */
  reads = 0;
  /** Packets other than PUBLISH. */
  controlReceived = 0;
  receivedQos0 = 0;
  receivedQos1 = 0;
  receivedQos2 = 0;
  bytesSent = 0;
  /** Hand-overs to the system. */
  writes = 0;
  /** Packets other than PUBLISH. */
  controlSent = 0;
  sentQos0 = 0;
  sentQos1 = 0;
  sentQos2 = 0;
  /** PUBLISH packets that were refused. */
  refused = 0;

  get messagesReceived(): number {
    return this.receivedQos0 + this.receivedQos1 + this.receivedQos2;
  }

  get packetsReceived(): number {
    return this.controlReceived + this.messagesReceived;
  }

  get messagesSent(): number {
    return this.sentQos0 + this.sentQos1 + this.sentQos2;
  }

  get packetsSent(): number {
    return this.controlSent + this.messagesSent;
  }

  /** Packets of the client other than PUBLISH, which are counted by QoS. */
  count(counters: BrokerCounters, type: number, packets: number): void {
    counters.countReceived(type, packets);
    this.controlReceived += packets;
  }
}
