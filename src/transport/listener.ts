/** One entry of `[[listener]]`: where connections are accepted, and on which terms. */
export interface ListenerOptions {
  readonly type: "tcp";
  /** An address or a host name, an IPv6 address without its brackets. */
  readonly host: string;
  /** 0: the system picks a free one. */
  readonly port: number;
  /** A connection above it is closed as soon as it was accepted. */
  readonly maxConnections: number;
  /** Whether clients without a user name may connect here. */
  readonly allowAnonymous: boolean;
}
