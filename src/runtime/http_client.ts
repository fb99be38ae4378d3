export interface HttpClientOptions {
  /** Open at the same time, to one host; more requests wait for one of them. */
  readonly connectionsMax: number;
  readonly tls: {
    /** Authorities in PEM, instead of the system's. */
    readonly ca: string | undefined;
    /** Whether the certificate of a server must be good. */
    readonly isVerified: boolean;
  };
  /** Asked for each request; undefined: it may go anywhere. */
  readonly hostRules: () => HttpHostRules | undefined;
}

/** Where requests may go. */
export interface HttpHostRules {
  /** Asked with the host of the URL and each address of it. */
  mayConnect(host: string, address: string): boolean;
}

export interface HttpClientRequest {
  readonly method: string;
  /** With http or https. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Until there is an answer; of one that goes on longer the rest is given up. */
  readonly timeoutMs: number;
}

/** Sends requests over connections that are kept. Redirects are answers like any other. */
export interface HttpClient {
  /**
   * Resolves with the status of the answer, of which nothing else is read. Rejects with `HttpClientError`. Where the last
   * request to a host found nobody the next one begins with a connection that nothing is sent over: until there is
   * somebody that is all, and costs a fraction.
   */
  send(request: HttpClientRequest): Promise<number>;
  /** Connects to where requests to `url` go, and no more. Rejects with `HttpClientError`. */
  probe(url: URL, timeoutMs: number): Promise<void>;
  /** Drops all connections; what is under way is rejected. */
  close(): void;
}

/** There was no answer. */
export class HttpClientError extends Error {
  override readonly name = "HttpClientError";
  /** "CLOSED": the peer closed the connection; "TIMEOUT"; "FORBIDDEN"; or the system's word, "ECONNREFUSED". */
  readonly code: string;

  constructor(message: string, options: ErrorOptions & { readonly code: string }) {
    super(message, options);
    this.code = options.code;
  }
}
