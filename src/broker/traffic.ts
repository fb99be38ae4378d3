import type { Qos } from "../mqtt/mod.ts";
import type { BrokerCounters } from "./counters.ts";

const GIB = 2 ** 30;

/** What goes over one connection, in plain numbers; stays with the session when the connection has ended. */
export class Traffic {
  /** Whole GiB apart, so that these numbers remain small integers; see `BrokerCounters`. */
  #bytesReceived = 0;
  #gibReceived = 0;
  #bytesSent = 0;
  #gibSent = 0;
  /** Chunks that the system gave us. */
  reads = 0;
  /** Packets other than PUBLISH. */
  controlReceived = 0;
  receivedQos0 = 0;
  receivedQos1 = 0;
  receivedQos2 = 0;
  /** Hand-overs to the system. */
  writes = 0;
  /** Packets other than PUBLISH. */
  controlSent = 0;
  sentQos0 = 0;
  sentQos1 = 0;
  sentQos2 = 0;
  /** PUBLISH packets that were refused. */
  refused = 0;

  get bytesReceived(): number {
    return this.#gibReceived * GIB + this.#bytesReceived;
  }

  get bytesSent(): number {
    return this.#gibSent * GIB + this.#bytesSent;
  }

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

  /** A chunk. */
  countRead(bytes: number): void {
    this.reads++;
    const sum = this.#bytesReceived + bytes;
    this.#bytesReceived = sum % GIB;
    if (sum >= GIB) this.#gibReceived += Math.floor(sum / GIB);
  }

  /** A hand-over. */
  countWritten(bytes: number): void {
    this.writes++;
    const sum = this.#bytesSent + bytes;
    this.#bytesSent = sum % GIB;
    if (sum >= GIB) this.#gibSent += Math.floor(sum / GIB);
  }

  countReceived(qos: Qos): void {
    if (qos === 0) this.receivedQos0++;
    else if (qos === 1) this.receivedQos1++;
    else this.receivedQos2++;
  }

  countSent(qos: Qos, messages: number): void {
    if (qos === 0) this.sentQos0 += messages;
    else if (qos === 1) this.sentQos1 += messages;
    else this.sentQos2 += messages;
  }

  /** Packets of the client other than PUBLISH, which are counted by QoS. */
  count(counters: BrokerCounters, type: number, packets: number): void {
    counters.countReceived(type, packets);
    this.controlReceived += packets;
  }
}
