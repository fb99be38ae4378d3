import process from "node:process";
import { connect, type Socket } from "node:net";

/** How long a frame or a hang-up may take. Only a failing case ever waits so long. */
const PATIENCE_MS = Number(process.env["CONFORMANCE_PATIENCE_MS"] ?? 10_000);

/** One TCP connection to the broker under test: bytes out, whole frames in. */
export class Wire {
  readonly #socket: Socket;
  #received = new Uint8Array(0);
  #ended = false;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Uint8Array) => this.#keep(chunk));
    socket.on("close", () => this.#end());
    // A reset is the broker hanging up; the close event follows.
    socket.on("error", () => this.#end());
  }

  static open(port: number, host: string): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new Wire(socket));
      });
    });
  }

  /** Sends, or does nothing when the broker has hung up: a later expectation will tell. */
  send(bytes: Uint8Array): void {
    if (!this.#ended && this.#socket.writable) this.#socket.write(bytes);
  }

  /** Sends every byte with a write of its own, each after the one before has left. */
  async dribble(bytes: Uint8Array): Promise<void> {
    for (const byte of bytes) {
      if (this.#ended || !this.#socket.writable) return;
      await new Promise<void>((resolve) => {
        this.#socket.write(Uint8Array.of(byte), () => resolve());
      });
    }
  }

  /** The next whole frame, or undefined when the broker hung up. */
  async frame(): Promise<Uint8Array | undefined> {
    const deadline = Date.now() + PATIENCE_MS;
    while (true) {
      const size = frameSize(this.#received);
      if (size !== undefined && size <= this.#received.length) {
        const frame = this.#received.slice(0, size);
        this.#received = this.#received.slice(size);
        return frame;
      }
      if (this.#ended) {
        if (this.#received.length > 0) {
          throw new Error("Connection closed in the middle of a frame");
        }
        return undefined;
      }
      await this.#more(deadline);
    }
  }

  /** Breaks the connection off without a word. */
  cut(): void {
    this.#socket.destroy();
  }

  #more(deadline: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#wake = undefined;
        reject(new Error(`Nothing came for ${PATIENCE_MS} ms`));
      }, Math.max(0, deadline - Date.now()));
      this.#wake = () => {
        this.#wake = undefined;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #keep(chunk: Uint8Array): void {
    const joined = new Uint8Array(this.#received.length + chunk.length);
    joined.set(this.#received);
    joined.set(chunk, this.#received.length);
    this.#received = joined;
    this.#wake?.();
  }

  #end(): void {
    this.#ended = true;
    this.#wake?.();
  }
}

/** Size of the frame that `bytes` begin with; undefined while its header is incomplete. */
function frameSize(bytes: Uint8Array): number | undefined {
  let length = 0;
  for (let count = 0; count < 4; count++) {
    const byte = bytes[1 + count];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 128 ** count;
    if (byte < 0x80) return 2 + count + length;
  }
  throw new Error("Broker sent a remaining length of more than four bytes");
}
