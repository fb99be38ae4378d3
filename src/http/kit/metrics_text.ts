/** The content type of Prometheus' text format. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export type MetricLabels = Readonly<Record<string, string>>;

/** One value of a metric, told from others of the same name by its labels. */
export interface MetricSample {
  readonly labels: MetricLabels;
  readonly value: number;
}

const NAME = /^[a-z][a-z0-9_]*$/;

/** Writes metrics as Prometheus reads them: each name once, with what it means and its type. */
export class MetricsText {
  readonly #labels: MetricLabels;
  readonly #names = new Set<string>();
  readonly #lines: string[] = [];

  /** `labels` are on every sample. */
  constructor(labels: MetricLabels = {}) {
    this.#labels = labels;
  }

  /** Grows only. A single number, or one for each set of labels. */
  counter(name: string, help: string, value: number | readonly MetricSample[]): void {
    this.#head(name, "counter", help);
    this.#samples(name, value);
  }

  gauge(name: string, help: string, value: number | readonly MetricSample[]): void {
    this.#head(name, "gauge", help);
    this.#samples(name, value);
  }

  /** `counts` are added up: each includes those below. */
  histogram(
    name: string,
    help: string,
    series: ReadonlyArray<{
      readonly labels: MetricLabels;
      readonly bounds: readonly number[];
      readonly counts: readonly number[];
      readonly count: number;
      readonly sum: number;
    }>,
  ): void {
    this.#head(name, "histogram", help);
    for (const { labels, bounds, counts, count, sum } of series) {
      for (const [index, bound] of bounds.entries()) {
        this.#line(`${name}_bucket`, { ...labels, le: String(bound) }, counts[index] ?? 0);
      }
      this.#line(`${name}_bucket`, { ...labels, le: "+Inf" }, count);
      this.#line(`${name}_sum`, labels, sum);
      this.#line(`${name}_count`, labels, count);
    }
  }

  toString(): string {
    return this.#lines.join("\n") + "\n";
  }

  #head(name: string, type: string, help: string): void {
    if (!NAME.test(name) || this.#names.has(name)) {
      throw new Error(`Cannot write metric "${name}": no such name is possible, or it is there`);
    }
    this.#names.add(name);
    const text = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
    this.#lines.push(`# HELP ${name} ${text}`, `# TYPE ${name} ${type}`);
  }

  #samples(name: string, value: number | readonly MetricSample[]): void {
    const samples = typeof value === "number" ? [{ labels: {}, value }] : value;
    for (const sample of samples) this.#line(name, sample.labels, sample.value);
  }

  #line(name: string, labels: MetricLabels, value: number): void {
    const pairs = Object.entries({ ...this.#labels, ...labels })
      .map(([label, text]) => `${label}="${escapeLabel(text)}"`).join(",");
    this.#lines.push(`${name}${pairs === "" ? "" : `{${pairs}}`} ${numberText(value)}`);
  }
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  return String(value);
}
