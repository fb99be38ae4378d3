import type { Clock, Logger } from "../base/mod.ts";
import type { JsonValue, RecordStore } from "../ports/mod.ts";
import type { AlarmsService } from "./service.ts";
import type { AlarmView } from "./views.ts";

export interface AlarmsParts {
  readonly node: string;
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What is raised. */
export interface Alarm {
  readonly id: string;
  readonly description: string;
  readonly severity: AlarmView["severity"];
  readonly title: string;
}

const KIND = "alarm";
/** Different alarms that are remembered; of those that are over the oldest make room. */
const HISTORY_MAX = 1000;

/** Alarms that are raised, which a start forgets, and those that are over, of each the latest, which it does not. */
export class LocalAlarms implements AlarmsService {
  /** Told of every alarm that begins, changes or ends. */
  onChange: ((alarm: AlarmView) => void) | undefined;
  readonly #parts: AlarmsParts;
  readonly #present = new Map<string, AlarmView>();

  constructor(parts: AlarmsParts) {
    this.#parts = parts;
  }

  /** Raises an alarm, or says anew what one that is raised is about; that does not begin again. */
  raise({ id, description, severity, title }: Alarm): void {
    const { node, clock, logger } = this.#parts;
    const raisedAtMs = this.#present.get(id)?.raisedAtMs ?? clock.nowMs();
    const alarm = { node, id, description, severity, title, raisedAtMs, clearedAtMs: undefined };
    if (!this.#present.has(id)) logger.warn("An alarm was raised", { alarm: id, description });
    this.#present.set(id, alarm);
    this.onChange?.(alarm);
  }

  /** False: it is not raised. */
  clear(id: string): boolean {
    const present = this.#present.get(id);
    if (present === undefined) return false;
    this.#present.delete(id);
    const over = { ...present, clearedAtMs: this.#parts.clock.nowMs() };
    this.#parts.logger.info("An alarm is over", { alarm: id });
    this.#remember(over).catch((error: unknown) =>
      this.#parts.logger.warn("Cannot remember an alarm that is over", {
        alarm: id,
        error: String(error),
      })
    );
    this.onChange?.(over);
    return true;
  }

  present(): Promise<readonly AlarmView[]> {
    return Promise.resolve([...this.#present.values()]);
  }

  history(): Promise<readonly AlarmView[]> {
    const values = [...this.#parts.records.list(KIND).values()];
    const views = values.map((value) => alarmOf(value, this.#parts.node));
    return Promise.resolve(
      views.filter((view) => view !== undefined).sort((a, b) => a.raisedAtMs - b.raisedAtMs),
    );
  }

  async #remember(alarm: AlarmView): Promise<void> {
    const { records } = this.#parts;
    const known = records.list(KIND);
    const oldest = known.keys().next().value;
    if (known.size >= HISTORY_MAX && !known.has(alarm.id) && oldest !== undefined) {
      await records.remove(KIND, oldest);
    }
    const { id, description, severity, title, raisedAtMs, clearedAtMs = 0 } = alarm;
    await records.put(KIND, id, { id, description, severity, title, raisedAtMs, clearedAtMs });
  }
}

/** What `#remember` put; anything else is as if it were not there. */
function alarmOf(value: JsonValue, node: string): AlarmView | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { id, description, severity, title, raisedAtMs, clearedAtMs } = value as Partial<
    Record<keyof AlarmView, JsonValue>
  >;
  if (typeof id !== "string" || typeof description !== "string" || typeof title !== "string") {
    return undefined;
  }
  if (severity !== "warning" && severity !== "error" && severity !== "critical") return undefined;
  if (typeof raisedAtMs !== "number" || typeof clearedAtMs !== "number") return undefined;
  return { node, id, description, severity, title, raisedAtMs, clearedAtMs };
}
