/**
 * Knows every message that was published and every one that came, and says what should not be: acknowledged messages
 * that did not come, QoS 2 messages that came twice, messages of one publisher that came in another order.
 */

/** What a publisher knows of its messages, which are numbered from 1. */
export interface Published {
  readonly name: string;
  readonly qos: 1 | 2;
  /** The newest that was sent at least once. */
  readonly lastNumber: number;
  /** Those that the broker has taken responsibility for: PUBACK, or PUBREC. */
  readonly acknowledged: ReadonlySet<number>;
}

/** What a subscriber was given, in order, without what its own packet identifiers tell it to be a repetition. */
export interface Received {
  readonly name: string;
  readonly messages: readonly ReceivedMessage[];
}

export interface ReceivedMessage {
  readonly publisher: string;
  readonly number: number;
}

export interface Verdict {
  /** Acknowledged, and never came; one for each subscriber. */
  readonly lost: readonly string[];
  /** QoS 2 messages that came again. */
  readonly duplicates: readonly string[];
  /** Came for the first time after a later one of their publisher. */
  readonly misplaced: readonly string[];
  /** Never sent. */
  readonly invented: readonly string[];
  /** QoS 1 messages that came again, which is allowed. */
  readonly repeated: number;
}

export function judge(published: readonly Published[], received: readonly Received[]): Verdict {
  const lost: string[] = [];
  const duplicates: string[] = [];
  const misplaced: string[] = [];
  const invented: string[] = [];
  let repeated = 0;
  const publishers = new Map(published.map((each) => [each.name, each]));
  for (const { name, messages } of received) {
    const came = new Map(published.map((each) => [each.name, new Set<number>()]));
    const newest = new Map<string, number>();
    for (const { publisher, number } of messages) {
      const text = `${publisher} ${number} to ${name}`;
      const source = publishers.get(publisher);
      const seen = came.get(publisher);
      if (source === undefined || seen === undefined || number < 1 || number > source.lastNumber) {
        invented.push(text);
      } else if (seen.has(number)) {
        if (source.qos === 2) duplicates.push(text);
        else repeated++;
      } else {
        seen.add(number);
        const last = newest.get(publisher) ?? 0;
        if (number < last) misplaced.push(`${text}, after ${last}`);
        else newest.set(publisher, number);
      }
    }
    for (const source of published) {
      for (const number of source.acknowledged) {
        if (!came.get(source.name)?.has(number)) lost.push(`${source.name} ${number} to ${name}`);
      }
    }
  }
  return { lost, duplicates, misplaced, invented, repeated };
}

/** The verdict in a few words, with the first examples of each kind. */
export function describe({ lost, duplicates, misplaced, invented, repeated }: Verdict): string {
  const part = (name: string, examples: readonly string[]): string =>
    `${examples.length} ${name}${
      examples.length === 0 ? "" : ` (${examples.slice(0, 5).join("; ")})`
    }`;
  return [
    part("lost", lost),
    part("QoS 2 duplicates", duplicates),
    part("out of order", misplaced),
    part("never sent", invented),
    `${repeated} QoS 1 repetitions`,
  ].join(", ");
}
