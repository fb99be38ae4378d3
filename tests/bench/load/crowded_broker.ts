/**
 * A broker full of clients that have no network, as a program: `crowded_broker.ts CLIENTS`. It listens for real ones, and
 * for HTTP; prints both ports as a line of JSON and runs until it is ended.
 */
import process from "node:process";
import { RecordedBanList } from "../../../src/access/mod.ts";
import { ALLOW_ALL, AuthenticatorChain, AuthService } from "../../../src/auth/mod.ts";
import { SILENT_LOGGER, SystemClock } from "../../../src/base/mod.ts";
import { Broker } from "../../../src/broker/mod.ts";
import { isLoopback, loadConfig } from "../../../src/config/mod.ts";
import { openHttpServer } from "../../../src/http/mod.ts";
import { createManagement, type SettingsService } from "../../../src/management/mod.ts";
import { loadRuntime } from "../../../src/runtime/mod.ts";
import { MemoryStore } from "../../../src/storage/mod.ts";
import { prepareListener } from "../../../src/transport/mod.ts";
import { LISTENER_TERMS } from "../../support/listener_terms.ts";
import { NullSocket } from "../null_socket.ts";
import { connectFrame, subscribeFrame } from "./frames.ts";

const NO_SETTINGS: SettingsService = {
  list: () => Promise.resolve([]),
  get: () => Promise.resolve(undefined),
  change: () => Promise.resolve({ appliedNow: [], afterRestart: [] }),
};

const clients = Number(process.argv[2]);
const configuration = loadConfig({
  file: undefined,
  environment: {},
  flags: [],
  isEphemeral: true,
});
const [clock, logger, runtime] = [new SystemClock(), SILENT_LOGGER, await loadRuntime()];
const store = new MemoryStore();
const { records } = store;
const bans = new RecordedBanList({ records, logger, maxBans: 1000 });
const authenticator = new AuthenticatorChain([]);
const auth = new AuthService({ records, secret: new Uint8Array(32), clock, logger });
const broker = new Broker({
  options: { ...configuration.mqtt, sysIntervalMs: 0 },
  limits: configuration.limits,
  version: "0.0.0",
  runtime,
  clock,
  logger,
  authenticator,
  authorizer: ALLOW_ALL,
  store,
  bans,
});
broker.start();
for (let index = 0; index < clients; index++) {
  const socket = new NullSocket("Bun" in globalThis);
  const handler = broker.accept(socket, { options: LISTENER_TERMS, release: () => undefined });
  handler.onBytes(connectFrame({ clientId: `client-${index}`, version: 5, keepAliveS: 0 }));
  handler.onBytes(subscribeFrame(1, [`site/${index}/state`], 1, 5));
  // What was written to so many is flushed at the end of a turn.
  if (index % 1000 === 0) await new Promise<void>((resolve) => runtime.yieldTurn(resolve));
}
const [options] = configuration.listeners;
if (options === undefined) throw new Error("Cannot listen: the default has no listener");
const prepared = await prepareListener({ runtime, clock, logger }, options);
const listener = await prepared.open(broker);
const management = createManagement({
  nodeName: "broker@bench",
  version: "0.0.0",
  broker,
  store,
  clock,
  logger,
  process: runtime,
  yieldTurn: (fn) => runtime.yieldTurn(fn),
  authenticator,
  authorizer: ALLOW_ALL,
  bans,
  users: auth.users,
  clientIds: auth.clientIds,
  settings: NO_SETTINGS,
  listeners: () => [listener],
  apps: () => configuration.http.apps,
  dashboardPassword: () => undefined,
  isServing: () => true,
});
const web = await openHttpServer({
  runtime,
  clock,
  logger,
  options: configuration.http,
  management,
  version: "0.0.0",
  isServing: () => true,
  isLoopback,
  requestStop: () => process.exit(0),
});
const httpPort = web.views()[0]?.port ?? 0;
process.stdout.write(`${JSON.stringify({ port: listener.port, httpPort })}\n`);
