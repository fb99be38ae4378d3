import type { AclOptions, AuthModule, AuthOptions } from "../auth/mod.ts";
import type { LogOptions } from "../base/mod.ts";
import type { LimitsOptions, MqttOptions } from "../broker/mod.ts";
import type { HttpListenerOptions, HttpOptions } from "../http/mod.ts";
import type { AlarmsOptions } from "../management/mod.ts";
import type { ConfiguredResource, ConfiguredRule } from "../rules/mod.ts";
import type { SinksOptions } from "../sinks/mod.ts";
import type { ListenerOptions, TlsOptions } from "../transport/mod.ts";
import type { WebHookOptions } from "../web_hook/mod.ts";
import { formatBind } from "./address.ts";
import { checkAcl } from "./checks/acl.ts";
import { checkAlarms } from "./checks/alarms.ts";
import { checkAuth } from "./checks/auth.ts";
import { checkBridges } from "./checks/bridges.ts";
import type { Complain } from "./checks/complain.ts";
import { checkHttp, DEFAULT_APP, httpName, isHttps } from "./checks/http.ts";
import { checkRules } from "./checks/rules.ts";
import { checkListeners, hasTls, isLocal, listenerName } from "./checks/listeners.ts";
import type { Written } from "./root.ts";
import type { NodeOptions } from "./sections/node.ts";
import type { PersistenceOptions } from "./sections/persistence.ts";
import type { RuleEngineKeys } from "./sections/rules.ts";
import type { TlsKeys } from "./sections/tls.ts";

/** Everything that is set, worked out and checked. */
export interface Configuration {
  readonly node: NodeOptions;
  readonly log: LogOptions;
  /** At least one. */
  readonly listeners: readonly ListenerOptions[];
  readonly mqtt: MqttOptions;
  readonly persistence: PersistenceOptions;
  readonly auth: AuthOptions;
  readonly acl: AclOptions;
  readonly limits: LimitsOptions;
  readonly alarms: AlarmsOptions;
  readonly sinks: SinksOptions;
  readonly webHook: WebHookOptions;
  readonly http: HttpOptions;
  readonly ruleEngine: RuleEngineKeys;
  /** Those that this file has; others are made through an API. */
  readonly resources: readonly ConfiguredResource[];
  /** The same. */
  readonly rules: readonly ConfiguredRule[];
  /** What is allowed but may not be what the operator expects. */
  readonly warnings: readonly string[];
}

/**
 * Checks what concerns more than one key. What it finds goes to `complain`. `isSound` says of a section whether all of
 * it could be read: what was refused stands at its default, and complaints about that would mislead.
 */
export function checkWritten(
  complain: Complain,
  written: Written,
  isSound: (section: string) => boolean = () => true,
): void {
  if (["listener", "http"].every(isSound)) checkListeners(complain, written);
  if (["http", "app", "api"].every(isSound)) checkHttp(complain, written);
  if (isSound("bridge")) checkBridges(complain, written);
  if (["rule_engine", "resource", "rule"].every(isSound)) checkRules(complain, written);
  if (isSound("alarms")) checkAlarms(complain, written);
  if (isSound("auth")) checkAuth(complain, written);
  if (["acl", "listener"].every(isSound)) checkAcl(complain, written);
}

/** Works out the options of the layers below; `written` has passed `checkWritten`. */
export function assemble(written: Written, isEphemeral: boolean): Configuration {
  const { node, log, mqtt, persistence, acl, limits } = written;
  const { allowAnonymous: _, sessionOwner, ...auth } = written.auth;
  const isOn = (module: AuthModule): boolean => !auth.switchedOff.includes(module);
  const warnings: string[] = [];
  const listeners = assembleListeners(written, isEphemeral, warnings);
  for (const { name, isEnabled } of written.bridges) {
    if (!isEnabled) continue;
    warnings.push(`Bridge "${name}" is not used: bridges are not in this version`);
  }
  return {
    node,
    log,
    listeners,
    mqtt,
    persistence: isEphemeral ? { ...persistence, enabled: false } : persistence,
    auth: {
      ...auth,
      jwt: isOn("jwt") ? auth.jwt : undefined,
      http: isOn("http") ? auth.http : undefined,
    },
    acl,
    limits: { ...limits, sessionOwner },
    alarms: written.alarms,
    sinks: written.sinks,
    webHook: written.webHook,
    http: assembleHttp(written),
    ruleEngine: written.ruleEngine,
    resources: written.resources,
    rules: written.rules,
    warnings,
  };
}

function assembleListeners(
  { listeners, auth, limits }: Written,
  isEphemeral: boolean,
  warnings: string[],
): readonly ListenerOptions[] {
  const isAllLocal = listeners.every((each) => isLocal(each) || !each.isEnabled);
  return listeners.flatMap((listener, index): ListenerOptions | [] => {
    if (!listener.isEnabled) return [];
    const isAsked = listener.allowAnonymous ?? auth.allowAnonymous;
    const isSafe = isAllLocal || (isEphemeral && isLocal(listener));
    if (isAsked === undefined && !isSafe) {
      warnings.push(refusalWarning(formatBind(listener.bind), index));
    }
    const { bind, socketMode, connectRate, ...rest } = listener;
    return {
      name: listenerName(listeners, index),
      type: rest.type,
      host: bind.host,
      port: bind.port,
      socketPath: bind.socketPath,
      socketMode: parseInt(socketMode, 8),
      wsPath: rest.wsPath,
      origins: rest.origins,
      tls: hasTls(listener) ? assembleTls(listener) : undefined,
      peerCertAs: rest.peerCertAs,
      proxyProtocol: rest.proxyProtocol,
      trustedProxies: rest.trustedProxies,
      maxConnections: rest.maxConnections,
      maxConnectionsPerAddress: rest.maxConnectionsPerAddress,
      connectRate: connectRate ?? limits.connectRate,
      allowAnonymous: isAsked ?? isSafe,
      mountpoint: rest.mountpoint,
    };
  });
}

function assembleHttp({ http, apps, api }: Written): HttpOptions {
  return {
    listeners: http.flatMap((listener, index): HttpListenerOptions | [] => {
      if (!listener.isEnabled) return [];
      return {
        name: httpName(http, index),
        host: listener.bind.host,
        port: listener.bind.port,
        apis: listener.apis,
        tls: isHttps(listener) ? assembleTls(listener) : undefined,
        maxBodyBytes: listener.maxBodyBytes,
        maxConnections: listener.maxConnections,
        headerTimeoutMs: listener.headerTimeoutMs,
        requestTimeoutMs: listener.requestTimeoutMs,
        idleTimeoutMs: listener.idleTimeoutMs,
      };
    }),
    apps: (apps.length > 0 ? apps : [DEFAULT_APP]).map((app) => ({
      ...app,
      name: app.name ?? app.id,
    })),
    apis: api,
  };
}

/** Both files are there: `checkTls` has seen to it. */
function assembleTls(keys: TlsKeys): TlsOptions {
  return {
    certFile: keys.certFile ?? "",
    keyFile: keys.keyFile ?? "",
    keyPassword: keys.keyPassword,
    caFile: keys.caFile,
    crlFile: keys.crlFile,
    verifyPeer: keys.verifyPeer,
    failIfNoPeerCert: keys.failIfNoPeerCert,
    minVersion: keys.minVersion,
    ciphers: keys.ciphers,
  };
}

function refusalWarning(address: string, index: number): string {
  return `Listener ${address} refuses clients without a user name, because a listener is ` +
    `not on loopback: set listener.${index}.allow_anonymous or auth.allow_anonymous to decide`;
}
