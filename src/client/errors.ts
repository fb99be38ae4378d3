import { type ConnackPacket, type ProtocolVersion, reasonCodeText } from "../mqtt/mod.ts";

/** The server has answered CONNECT, and does not want us. */
export class ConnectionRefused extends Error {
  override readonly name = "ConnectionRefused";
  readonly connack: ConnackPacket;
  /** Whose codes the answer has. */
  readonly version: ProtocolVersion;

  constructor(connack: ConnackPacket, version: ProtocolVersion) {
    const why = connack.reasonString === undefined ? "" : ` (${connack.reasonString})`;
    super(`Cannot connect: the server says ${reasonCodeText(connack.reasonCode)}${why}`);
    this.connack = connack;
    this.version = version;
  }
}

/** The connection came to its end before it was of use. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
}

/** What a server has said that it does not take. Nothing has been sent. */
export type PublishProblem = "packet-too-large" | "qos-not-supported" | "retain-not-supported";

/** A message that this server does not take. */
export class CannotPublish extends Error {
  override readonly name = "CannotPublish";
  readonly problem: PublishProblem;

  constructor(problem: PublishProblem, detail: string) {
    super(`Cannot publish: ${detail}`);
    this.problem = problem;
  }
}
