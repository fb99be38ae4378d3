import type { Qos, ReasonCode, RetainHandling } from "../mqtt/mod.ts";
import type { AuthenticationResult, Credentials, Identity } from "../ports/mod.ts";
import type {
  ClientFilter,
  ClientQuery,
  Page,
  PageRequest,
  RetainedQuery,
  RouteQuery,
  SubscriptionQuery,
} from "./query.ts";
import type { ResourcesService, RulesService } from "./rule_services.ts";
import type {
  AccountView,
  AlarmView,
  AppView,
  BanKind,
  BanView,
  ClientView,
  DashboardUserView,
  HealthView,
  ListenerView,
  MessagePropertiesView,
  MetricsView,
  ModuleName,
  ModuleView,
  NodeView,
  RetainedView,
  RouteView,
  SettingsChange,
  SettingValue,
  SettingView,
  StatsView,
  SubscriptionView,
} from "./views.ts";

/**
 * All that can be asked of the broker and done to it, for HTTP and whoever else administers it.
 *
 * Whatever is refused rejects with `ManagementError`, and nothing has changed then. What a command promises is
 * durable when it resolves. Lists are made in slices, so that traffic goes on meanwhile.
 */
export interface ManagementService {
  readonly clients: ClientsService;
  readonly subscriptions: SubscriptionsService;
  readonly routes: RoutesService;
  readonly retained: RetainedService;
  readonly messages: MessagesService;
  readonly access: AccessService;
  readonly bans: BansService;
  readonly listeners: ListenersService;
  readonly nodes: NodesService;
  readonly metrics: MetricsService;
  readonly settings: SettingsService;
  readonly users: AccountsService;
  readonly clientIds: AccountsService;
  readonly apps: AppsService;
  readonly dashboardUsers: DashboardUsersService;
  readonly alarms: AlarmsService;
  readonly modules: ModulesService;
  readonly rules: RulesService;
  readonly resources: ResourcesService;
}

export interface ClientsService {
  list(page: PageRequest, query?: ClientQuery): Promise<Page<ClientView>>;
  /** All that match, some at a time; whoever stops reading stops the work. */
  stream(query?: ClientQuery): AsyncIterable<readonly ClientView[]>;
  /** How many match. At once where only `isConnected`, or nothing, is asked for. */
  count(filter?: ClientFilter): Promise<number>;
  /** Undefined: there is neither a connection nor a session. */
  get(
    clientId: string,
    options?: { readonly includeSubscriptions?: boolean },
  ): Promise<ClientView | undefined>;
  /**
   * Ends the connection, 5.0 clients with 0x98. The will goes its way, the session stays if it outlives its
   * connection. `not-found`: the client is not connected.
   */
  kick(clientId: string): Promise<void>;
  /** Ends connection and session with all that belongs to it; the will is published at once. `not-found`. */
  remove(clientId: string): Promise<void>;
  /** Ends the session of a client that is away. `not-found`; `conflict`: it is connected. */
  removeOffline(clientId: string): Promise<void>;
  /**
   * As if the client, which may be away, had sent SUBSCRIBE, but there is no SUBACK and no access rule is asked. All
   * or nothing. `not-found`: no session; `invalid`: a filter; `too-large`: `mqtt.max_subscriptions`.
   */
  subscribe(
    clientId: string,
    requests: readonly SubscribeRequest[],
  ): Promise<readonly SubscriptionView[]>;
  /** As UNSUBSCRIBE. For each filter whether there was such a subscription. `not-found`: no session; `invalid`. */
  unsubscribe(clientId: string, filters: readonly string[]): Promise<readonly boolean[]>;
}

/** One filter of a SUBSCRIBE. */
export interface SubscribeRequest {
  /** `$share/{name}/…` as MQTT has it. */
  readonly filter: string;
  readonly qos: Qos;
  readonly noLocal?: boolean | undefined;
  readonly retainAsPublished?: boolean | undefined;
  readonly retainHandling?: RetainHandling | undefined;
}

export interface SubscriptionsService {
  /** By client in the order in which the sessions began, then in the order in which they were made. */
  list(page: PageRequest, query?: SubscriptionQuery): Promise<Page<SubscriptionView>>;
  /** All that match, some at a time. By `filter`: all with the same `filter` come one after the other. */
  stream(
    query?: SubscriptionQuery,
    order?: "client" | "filter",
  ): AsyncIterable<readonly SubscriptionView[]>;
}

export interface RoutesService {
  /** In the order in which somebody first subscribed with each. */
  list(page: PageRequest, query?: RouteQuery): Promise<Page<RouteView>>;
}

export interface RetainedService {
  list(page: PageRequest, query?: RetainedQuery): Promise<Page<RetainedView>>;
  get(topic: string): Promise<RetainedView | undefined>;
  /** False: there was none. */
  remove(topic: string): Promise<boolean>;
  /** Removes all that match, `$SYS` never; resolves with how many that were. */
  removeMatching(filter: string): Promise<number>;
}

/** A message for the broker to publish. */
export interface PublishRequest {
  readonly topic: string;
  /** Belongs to the broker from now on. */
  readonly payload: Uint8Array;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly properties?: Partial<MessagePropertiesView> | undefined;
  /** Undefined: the message does not expire. 0: it is for those who take it at once. */
  readonly messageExpiryS?: number | undefined;
  /** Whom the message is from; access rules are asked for it, unless it is a superuser. */
  readonly publisher: Identity;
}

/** What became of a message. */
export interface PublishResult {
  /** `success`, `noMatchingSubscribers`, or from 0x80 why it was refused. */
  readonly reasonCode: ReasonCode;
  /** Subscriptions that matched, each group once. */
  readonly matched: number;
}

export interface MessagesService {
  /**
   * Publishes as a client would; resolves when the message is routed and what must be on disk is there. `invalid`:
   * topic, QoS or a property; `too-large`: `mqtt.max_packet_size`; `unavailable`: it cannot be stored now.
   */
  publish(request: PublishRequest): Promise<PublishResult>;
}

/** For APIs whose callers are clients of the broker. */
export interface AccessService {
  /** As for CONNECT, with bans. */
  authenticate(credentials: Credentials): Promise<AuthenticationResult>;
  /** As for PUBLISH and SUBSCRIBE. */
  authorize(
    identity: Identity,
    action: "publish" | "subscribe",
    topic: string,
  ): Promise<"allow" | "deny">;
}

export interface BansService {
  /** The oldest first. */
  list(page: PageRequest): Promise<Page<BanView>>;
  /** Replaces a ban of the same kind and name. `invalid`: a name that cannot be one; `too-large`: the list is full. */
  put(ban: BanRequest): Promise<BanView>;
  /** False: there was none. */
  remove(as: BanKind, who: string): Promise<boolean>;
}

export interface BanRequest {
  readonly as: BanKind;
  readonly who: string;
  readonly reason?: string | undefined;
  readonly by?: string | undefined;
  /** Undefined: for good. */
  readonly untilMs?: number | undefined;
  /** Whoever is connected may stay until the connection ends. Default: it ends at once. */
  readonly sparesConnected?: boolean | undefined;
}

export interface ListenersService {
  /** In the order of the configuration. */
  list(): Promise<readonly ListenerView[]>;
}

export interface NodesService {
  /** This node's. */
  readonly localName: string;
  /** This node first. */
  list(): Promise<readonly NodeView[]>;
  get(name: string): Promise<NodeView | undefined>;
  health(): Promise<HealthView>;
}

export interface MetricsService {
  read(): Promise<MetricsView>;
  stats(): Promise<StatsView>;
}

export interface SettingsService {
  /** By key, all that there are. */
  list(): Promise<readonly SettingView[]>;
  get(key: string): Promise<SettingView | undefined>;
  /**
   * The value as the broker will use it: a secret in clear, a duration in seconds or milliseconds, a size in bytes. For
   * an API whose product shows what is secret, and for nobody else.
   */
  inClear(key: string): Promise<SettingValue | undefined>;
  /**
   * Sets some keys, or with undefined back to what they were without an API: all or nothing, and for good. `invalid`,
   * with a line in `details` for each problem.
   */
  change(changes: ReadonlyMap<string, SettingValue | undefined>): Promise<SettingsChange>;
}

export interface AccountsService {
  list(): Promise<readonly AccountView[]>;
  get(name: string): Promise<AccountView | undefined>;
  /** `conflict`: there is one. `invalid`: name or password are empty or too long. */
  add(name: string, password: string): Promise<void>;
  /** `not-found`. */
  changePassword(name: string, password: string): Promise<void>;
  /** False: there was none. */
  remove(name: string): Promise<boolean>;
}

/** Fields of an application; those that are left out stay as they are, or get their default. */
export interface AppChange {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly isEnabled?: boolean | undefined;
  /** "never": it does not expire. */
  readonly expiresAtS?: number | "never" | undefined;
}

export interface AppsService {
  list(): Promise<readonly AppView[]>;
  get(id: string): Promise<AppView | undefined>;
  /** Undefined: no such application, or its secret is only kept as a hash. */
  secretOf(id: string): Promise<string | undefined>;
  /** Without `secret` one is made up. `conflict`: the id is taken. Resolves with the secret. */
  add(id: string, secret: string | undefined, change: AppChange): Promise<string>;
  /** `not-found`. */
  change(id: string, change: AppChange): Promise<void>;
  /** False: there was none. */
  remove(id: string): Promise<boolean>;
  /** Whether that is an application that may log in now. Takes as long for a wrong secret as for a right one. */
  authenticate(id: string, secret: string): Promise<boolean>;
}

export interface DashboardUsersService {
  list(): Promise<readonly DashboardUserView[]>;
  /** `conflict`: there is one. */
  add(name: string, password: string, tags: string): Promise<void>;
  /** `not-found`. */
  changeTags(name: string, tags: string): Promise<void>;
  /** `not-found`; `forbidden`: the old password is wrong. */
  changePassword(name: string, oldPassword: string, newPassword: string): Promise<void>;
  /** `forbidden`: the administrator stays. `not-found`. */
  remove(name: string): Promise<void>;
  authenticate(name: string, password: string): Promise<"right" | "wrong" | "unknown">;
}

/** What is switched stays so over restarts. All reject with `forbidden` where environment or command line fix it. */
export interface ModulesService {
  /** All that exist in this program, always in the same order. */
  list(): Promise<readonly ModuleView[]>;
  isActive(name: ModuleName): Promise<boolean>;
  /** `conflict`: it is active; `invalid`: it is not configured, or not so that it can be used. */
  activate(name: ModuleName): Promise<void>;
  /** `conflict`: it is not active; `forbidden`: the management stays. */
  deactivate(name: ModuleName): Promise<void>;
  /** Reads its settings again, and activates it where it is not active. `invalid`: they cannot be used. */
  reread(name: ModuleName): Promise<void>;
  /** Changes settings of a module, which is active afterwards as it was before. `invalid`. */
  configure(
    name: ModuleName,
    changes: ReadonlyMap<string, SettingValue | undefined>,
  ): Promise<void>;
}

export interface AlarmsService {
  present(): Promise<readonly AlarmView[]>;
  /** Those that are over: the latest of each id. */
  history(): Promise<readonly AlarmView[]>;
}
