/*
 * As long as anything can run, the event loop of Deno looks for new bytes only now and then (every 61st time), and a
 * socket that always has some would keep it from the others for milliseconds. Immediates and timers of 0 do not
 * help: they, too, are something that can run. What makes it look is waiting for bytes that only a look can bring:
 * one byte through a connection to ourselves. Measured with one publisher at full speed, latency of another pair:
 * 9 ms without, 0.8 ms when an answer of another thread is awaited instead, 0.12 ms so.
 */

/** Calls back after the event loop has looked at all sockets. Lives as long as the program. */
export class NextPoll {
  readonly #sender: Deno.TcpConn;
  readonly #receiver: Deno.TcpConn;
  readonly #byte = new Uint8Array(1);
  readonly #buffer = new Uint8Array(16);
  #waiting: (() => void)[] = [];

  private constructor(sender: Deno.TcpConn, receiver: Deno.TcpConn) {
    this.#sender = sender;
    this.#receiver = receiver;
  }

  static async open(): Promise<NextPoll> {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    try {
      const sender = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
      // Anybody on this machine could have been quicker.
      let receiver = await listener.accept();
      while (receiver.remoteAddr.port !== sender.localAddr.port) {
        receiver.close();
        receiver = await listener.accept();
      }
      sender.setNoDelay(true);
      return new NextPoll(sender, receiver);
    } finally {
      listener.close();
    }
  }

  /** One byte serves all who wait in a turn. */
  call(fn: () => void): void {
    if (this.#waiting.push(fn) > 1) return;
    const goOn = (): void => {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const each of waiting) each();
    };
    this.#wait().then(goOn, goOn);
  }

  async #wait(): Promise<void> {
    const read = this.#receiver.read(this.#buffer);
    await this.#sender.write(this.#byte);
    await read;
  }
}
