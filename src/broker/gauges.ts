/** How many there are of something, and the most that there have been. */
export class Gauge {
  count = 0;
  max = 0;

  add(change: number): void {
    this.set(this.count + change);
  }

  set(count: number): void {
    this.count = count;
    if (count > this.max) this.max = count;
  }
}

/** What the broker holds, as it is now and as it was at most. */
export class BrokerGauges {
  readonly connections = new Gauge();
  readonly sessions = new Gauge();
  /** Sessions that were not opened with a clean start. */
  readonly persistentSessions = new Gauge();
  /** Different filters. */
  readonly routes = new Gauge();
  /** Sessions with subscriptions. */
  readonly subscribers = new Gauge();
  /** The same, of connected clients. */
  readonly connectedSubscribers = new Gauge();
  readonly subscriptions = new Gauge();
  readonly sharedSubscriptions = new Gauge();
  readonly retained = new Gauge();
}
