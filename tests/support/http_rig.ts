/** The web servers of the program with a management service that a test makes up. */
import { type Clock, type Logger, SILENT_LOGGER, SystemClock } from "../../src/base/mod.ts";
import {
  type ApiName,
  type ApiOptions,
  type HttpListenerOptions,
  type HttpOptions,
  type HttpServer,
  type KeptFiles,
  openHttpServer,
} from "../../src/http/mod.ts";
import type { ManagementService } from "../../src/management/mod.ts";
import { loadRuntime } from "../../src/runtime/mod.ts";

/** Parts of the service that a test needs; asking for any other fails the request. */
export type ManagementParts = {
  readonly [Noun in keyof ManagementService]?: Partial<ManagementService[Noun]>;
};

export function fakeManagement(parts: ManagementParts): ManagementService {
  return new Proxy(parts as ManagementService, {
    get(target, noun): unknown {
      const part = Reflect.get(target, noun) ?? {};
      return new Proxy(part, {
        get(functions, name): unknown {
          const found = Reflect.get(functions, name);
          if (found !== undefined) return found;
          throw new Error(
            `Cannot ask management.${String(noun)}.${String(name)}: not in this test`,
          );
        },
      });
    },
  });
}

export const API_OPTIONS: ApiOptions = {
  smqtt: { username: "", password: "", publishReply: "empty", cors: undefined, extended: false },
  nanomqV1: {
    username: "admin",
    password: "public",
    authType: "basic",
    jwtPublicKeyFile: "",
    jwtIssuer: "",
    control: false,
    lenientSeq: false,
    includeOffline: false,
    exposeSecrets: undefined,
    stored: {
      taskThreads: 4,
      taskThreadsMax: 4,
      parallel: 32,
      propertySize: 32,
      qosDurationS: 60,
      isDaemon: false,
    },
  },
  emqxV3: {
    errorHttpStatus: 200,
    ruleFlavor: "3.1",
    metricNames: "slash",
    acceptDashboardUsers: false,
    uniformAuthErrors: false,
    hideAppSecret: false,
    maskSecrets: false,
    countApiPublish: false,
    maxRowLimit: 10_000,
    defaultAppSecret: undefined,
  },
  emqxCloud: { prefix: "/api", emitTenantFields: true, timeFormat: "rfc3339" },
  tdmq: { rate: 0, burst: 0, strictPath: false },
};

export interface HttpRigOptions {
  readonly apis: readonly ApiName[];
  readonly management?: ManagementParts;
  readonly listener?: Partial<HttpListenerOptions>;
  readonly api?: Partial<ApiOptions>;
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly isServing?: () => boolean;
  readonly isLoopback?: boolean;
  readonly files?: KeptFiles;
  readonly requestStop?: (how: "stop" | "restart") => void;
}

export interface HttpRig {
  readonly server: HttpServer;
  readonly port: number;
  readonly url: string;
  readonly options: HttpOptions;
}

/** Runs `use` with a web server on a free port, and closes it. */
export async function withHttp(
  { apis, management = {}, listener = {}, api = {}, ...rest }: HttpRigOptions,
  use: (rig: HttpRig) => Promise<void>,
): Promise<void> {
  const options: HttpOptions = {
    listeners: [{
      name: "http:1",
      host: "127.0.0.1",
      port: 0,
      apis,
      tls: undefined,
      maxBodyBytes: 1024 * 1024,
      maxConnections: 100,
      headerTimeoutMs: 30_000,
      requestTimeoutMs: 30_000,
      idleTimeoutMs: 30_000,
      ...listener,
    }],
    apps: [],
    apis: { ...API_OPTIONS, ...api },
  };
  const server = await openHttpServer({
    runtime: await loadRuntime(),
    clock: rest.clock ?? new SystemClock(),
    logger: rest.logger ?? SILENT_LOGGER,
    options,
    management: fakeManagement(management),
    version: "0.0.0",
    files: rest.files ??
      { use: (work) => work(() => Promise.reject(new Error("not in this test"))) },
    isServing: rest.isServing ?? (() => true),
    isLoopback: () => rest.isLoopback ?? true,
    requestStop: rest.requestStop ?? (() => {
      throw new Error("Cannot stop: not in this test");
    }),
  });
  try {
    const [view] = server.views();
    if (view === undefined) throw new Error("Cannot use the web server: it has no listener");
    await use({ server, port: view.port, url: view.url, options });
  } finally {
    await server.close();
  }
}
