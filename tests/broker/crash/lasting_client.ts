/** Clients whose state outlives their connections, so that they go on with a broker that has died, as the standard has it. */
import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { generate, type Packet, parser } from "mqtt-packet";

const SERVER_SHUTTING_DOWN = 0x8b;

/** One client identifier with its session, over any number of connections. */
export abstract class LastingClient {
  readonly name: string;
  readonly version: 4 | 5;
  /** What the broker must not do, and did. */
  failure: string | undefined;
  #socket: Socket | undefined;
  /** A CONNACK has come: from then on the broker has promised the session. */
  #hasSession = false;
  #closed: Promise<void> = Promise.resolve();

  constructor(name: string, version: 4 | 5) {
    this.name = name;
    this.version = version;
  }

  /** Connects and goes on where the last connection ended. False: the broker was gone before its CONNACK. */
  connect(port: number): Promise<boolean> {
    const socket = this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const incoming = parser({ protocolVersion: this.version });
    const { promise: answered, resolve: answer } = Promise.withResolvers<boolean>();
    incoming.on("packet", (packet: Packet) => {
      if (packet.cmd === "connack") answer(this.#accepted(packet));
      else if (packet.cmd === "disconnect") this.#dismissed(packet.reasonCode);
      else this.onPacket(packet);
    });
    incoming.on("error", (error: Error) => this.fail(`it sent what is not MQTT: ${error.message}`));
    socket.on("data", (chunk: Uint8Array) => {
      socket.cork();
      incoming.parse(Buffer.from(chunk));
      this.onChunkEnd();
      socket.uncork();
    });
    // "close" follows.
    socket.on("error", () => answer(false));
    this.#closed = new Promise((resolve) => {
      socket.on("close", () => {
        answer(false);
        resolve();
      });
    });
    this.send({
      cmd: "connect",
      protocolId: "MQTT",
      protocolVersion: this.version,
      clientId: this.name,
      clean: false,
      keepalive: 0,
      ...(this.version === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {}),
    });
    return answered;
  }

  #accepted({ sessionPresent, reasonCode, returnCode }: Packet & { cmd: "connack" }): boolean {
    const code = reasonCode ?? returnCode ?? 0;
    if (code !== 0) this.fail(`it refused the connection with ${code}`);
    else if (this.#hasSession && !sessionPresent) this.fail("it has forgotten the session");
    else {
      this.#hasSession = true;
      this.onConnected();
      return true;
    }
    return false;
  }

  #dismissed(reasonCode: number | undefined): void {
    if (reasonCode !== SERVER_SHUTTING_DOWN) this.fail(`it sent DISCONNECT with ${reasonCode}`);
  }

  protected abstract onConnected(): void;
  protected abstract onPacket(packet: Packet): void;
  /** All packets of a chunk have been seen. */
  protected onChunkEnd(): void {}

  protected send(packet: Packet): void {
    this.#socket?.write(generate(packet, { protocolVersion: this.version }));
  }

  protected fail(what: string): void {
    this.failure ??= `${this.name}: ${what}`;
    this.cut();
  }

  cut(): void {
    this.#socket?.destroy();
  }

  /** Resolves when the last connection is over, whoever ended it. */
  get closed(): Promise<void> {
    return this.#closed;
  }
}
