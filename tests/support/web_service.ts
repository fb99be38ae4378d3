/** A web service that notes what comes, and answers as a test wants it. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { within } from "./deadline.ts";

export interface SeenRequest {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** `count`: of requests so far, this one included. */
export type WebReply = (response: ServerResponse, count: number) => void;

/** In PEM. */
export interface ServiceCertificate {
  readonly cert: string;
  readonly key: string;
}

export class WebService {
  readonly seen: SeenRequest[] = [];
  connections = 0;
  readonly #server: Server;
  #watchers: (() => void)[] = [];

  private constructor(reply: WebReply, readonly certificate: ServiceCertificate | undefined) {
    const serve = (request: IncomingMessage, response: ServerResponse): void => {
      let body = "";
      request.setEncoding("utf8");
      request.on("data", (chunk: string) => body += chunk);
      request.on("end", () => {
        const { method, url, headers } = request;
        this.seen.push({ method, url, headers, body });
        reply(response, this.seen.length);
        const watchers = this.#watchers;
        this.#watchers = [];
        for (const watcher of watchers) watcher();
      });
    };
    this.#server = certificate === undefined
      ? createServer(serve)
      : createSecureServer({ ...certificate }, serve);
    this.#server.on("connection", () => this.connections++);
  }

  /** On a free port of loopback, or on the one that a service had before. */
  static async start(
    reply: WebReply = (response) => void response.end("fine"),
    port = 0,
    certificate?: ServiceCertificate,
  ): Promise<WebService> {
    const service = new WebService(reply, certificate);
    await new Promise<void>((resolve) => service.#server.listen(port, "127.0.0.1", resolve));
    return service;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.certificate === undefined ? "http" : "https"}://127.0.0.1:${this.port}`;
  }

  /** What came, as JSON. */
  get bodies(): readonly Record<string, unknown>[] {
    return this.seen.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
  }

  /** Waits until what came is as it is to be. */
  async until(isThere: (service: WebService) => boolean, what: string): Promise<void> {
    const wait = async (): Promise<void> => {
      while (!isThere(this)) await new Promise<void>((resolve) => this.#watchers.push(resolve));
    };
    await within(wait(), what);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
