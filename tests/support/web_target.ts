/** A web server on a free port of loopback that notes what it is sent. */
import { Buffer } from "node:buffer";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { within } from "./deadline.ts";

export interface TargetRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface WebTarget {
  readonly url: string;
  /** The next request that came, or comes. */
  next(): Promise<TargetRequest>;
  /** How many came and were not asked for. */
  readonly waiting: number;
}

/** Runs `use` with a server that answers everything with `status`, and closes it. */
export async function withWebTarget(
  use: (target: WebTarget) => Promise<void>,
  status = 200,
): Promise<void> {
  const came: TargetRequest[] = [];
  const asked: ((request: TargetRequest) => void)[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const noted = { method, path: url, headers, body: String(Buffer.concat(chunks)) };
      const taker = asked.shift();
      if (taker === undefined) came.push(noted);
      else taker(noted);
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use({
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      next: () => {
        const first = came.shift();
        if (first !== undefined) return Promise.resolve(first);
        return within(
          new Promise<TargetRequest>((resolve) => asked.push(resolve)),
          "a request to the web target",
        );
      },
      get waiting(): number {
        return came.length;
      },
    });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
