/** How `pub` and `sub` end: the exit statuses of mosquitto's clients, which are those of its library. */
import { type CannotPublish, ConnectionLost, ConnectionRefused } from "../client/mod.ts";
import { reasonCodeText, toConnectReturnCode } from "../mqtt/mod.ts";
import { ConnectError, type Runtime } from "../runtime/mod.ts";

/** Exit statuses. */
export const ClientStatus = Object.freeze({
  fine: 0,
  /** The command line makes no sense, a file cannot be read, there is no connection. */
  failed: 1,
  protocol: 2,
  connectionLost: 7,
  notSupported: 10,
  denied: 12,
  packetTooLarge: 25,
  timedOut: 27,
  qosNotSupported: 28,
});

/** In the words of the standards before MQTT 5, whose codes end here. */
const RETURN_CODES = [
  "accepted",
  "unacceptable protocol version",
  "identifier rejected",
  "broker unavailable",
  "bad user name or password",
  "not authorised",
];

/** Says on standard error why a client has to end; answers the exit status. */
export class ClientErrors {
  readonly #runtime: Pick<Runtime, "writeStderr">;
  readonly #isQuiet: boolean;

  constructor(runtime: Pick<Runtime, "writeStderr">, isQuiet: boolean) {
    this.#runtime = runtime;
    this.#isQuiet = isQuiet;
  }

  say(text: string): void {
    if (!this.#isQuiet) this.#runtime.writeStderr(`${text}\n`);
  }

  /** Throws what is not about the connection. */
  explain(error: unknown): number {
    if (error instanceof ConnectError) {
      const { code, reason } = error;
      if (code === "ENOTFOUND") this.say("Unable to connect (Lookup error.).");
      else this.say(`Error: ${capitalized(reason)}`);
      return ClientStatus.failed;
    }
    if (error instanceof ConnectionRefused) {
      this.say(`Connection error: ${refusalText(error)}`);
      return refusalStatus(error);
    }
    if (error instanceof ConnectionLost) {
      this.say("Error: The connection was lost.");
      return ClientStatus.connectionLost;
    }
    throw error;
  }

  explainPublish({ problem, message }: CannotPublish): number {
    this.say(`Error: ${message}`);
    switch (problem) {
      case "packet-too-large":
        return ClientStatus.packetTooLarge;
      case "qos-not-supported":
        return ClientStatus.qosNotSupported;
      case "retain-not-supported":
        return ClientStatus.notSupported;
    }
  }
}

function refusalText(
  { version, connack: { reasonCode, reasonString } }: ConnectionRefused,
): string {
  if (version !== 5) {
    return `Connection Refused: ${RETURN_CODES[toConnectReturnCode(reasonCode) ?? 0]}.`;
  }
  const why = reasonString === undefined ? "" : ` (${reasonString})`;
  return capitalized(reasonCodeText(reasonCode)) + why;
}

function refusalStatus({ version, connack: { reasonCode } }: ConnectionRefused): number {
  return version === 5 ? reasonCode : toConnectReturnCode(reasonCode) ?? ClientStatus.failed;
}

export function capitalized(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
