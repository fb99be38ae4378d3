/** A reader of Prometheus' text format that takes nothing that Prometheus would not. */

export interface PrometheusSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface PrometheusText {
  /** Type by metric. */
  readonly types: ReadonlyMap<string, string>;
  readonly samples: readonly PrometheusSample[];
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = `[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"`;
const SAMPLE = new RegExp(`^(${NAME})(?:\\{((?:${LABEL})(?:,${LABEL})*)\\})? (\\S+)$`);
const SUFFIXES = ["_bucket", "_sum", "_count"];

/** Throws at the first line that is wrong, and names it. */
export function readPrometheus(text: string): PrometheusText {
  const reader = new Reader();
  if (!text.endsWith("\n")) throw new Error("Cannot read metrics: the last line has no end");
  for (const line of text.slice(0, -1).split("\n")) {
    const problem = reader.read(line);
    if (problem !== undefined) throw new Error(`Cannot read metrics: ${problem}: "${line}"`);
  }
  for (const [name, type] of reader.types) {
    const problem = type === "histogram" ? histogramProblem(name, reader.samples) : undefined;
    if (problem !== undefined) throw new Error(`Cannot read metrics: ${name}: ${problem}`);
  }
  return reader;
}

class Reader implements PrometheusText {
  readonly types = new Map<string, string>();
  readonly samples: PrometheusSample[] = [];
  readonly #helped = new Set<string>();
  readonly #series = new Set<string>();
  /** Samples of one metric stand together. */
  readonly #done = new Set<string>();
  #current = "";

  /** What is wrong with the line. */
  read(line: string): string | undefined {
    const help = new RegExp(`^# HELP (${NAME}) \\S.*$`).exec(line);
    if (help !== null) return this.#help(help[1] ?? "");
    const type = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`).exec(line);
    if (type !== null) return this.#type(type[1] ?? "", type[2] ?? "");
    const sample = SAMPLE.exec(line);
    if (sample === null) return "neither HELP nor TYPE nor a sample";
    return this.#sample(sample[1] ?? "", sample[2] ?? "", sample[3] ?? "");
  }

  #help(name: string): string | undefined {
    if (this.#helped.has(name)) return "a second HELP";
    this.#helped.add(name);
    if (this.#current !== "") this.#done.add(this.#current);
    this.#current = name;
    return undefined;
  }

  #type(name: string, type: string): string | undefined {
    if (this.types.has(name)) return "a second TYPE";
    if (name !== this.#current) return "TYPE without HELP in front of it";
    if (type === "counter" && !name.endsWith("_total")) return "a counter that is no _total";
    if (type !== "counter" && name.endsWith("_total")) return "a _total that is no counter";
    this.types.set(name, type);
    return undefined;
  }

  #sample(name: string, labelText: string, valueText: string): string | undefined {
    const suffix = SUFFIXES.find((one) => name.endsWith(one));
    const base = suffix === undefined ? name : name.slice(0, -suffix.length);
    const metric = this.types.get(base) === "histogram" ? base : name;
    if (!this.types.has(metric)) return "a sample without TYPE";
    if (metric !== this.#current || this.#done.has(metric)) return "a sample among those of others";
    const labels: Record<string, string> = {};
    for (const [, label = "", value = ""] of labelText.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      if (label in labels) return `the label ${label} twice`;
      labels[label] = value;
    }
    const key = `${name}|${Object.entries(labels).sort().join("|")}`;
    if (this.#series.has(key)) return "the same series twice";
    this.#series.add(key);
    const value = valueText === "+Inf" ? Infinity : Number(valueText);
    if (Number.isNaN(value)) return "a value that is no number";
    this.samples.push({ name, labels, value });
    return undefined;
  }
}

/** Buckets grow, end with +Inf, and agree with the count. */
function histogramProblem(name: string, samples: readonly PrometheusSample[]): string | undefined {
  const series = new Map<string, PrometheusSample[]>();
  for (const sample of samples.filter((one) => one.name === `${name}_bucket`)) {
    const { le: _le, ...labels } = sample.labels;
    const key = JSON.stringify(labels);
    series.set(key, [...series.get(key) ?? [], sample]);
  }
  if (series.size === 0) return "no buckets";
  for (const [key, buckets] of series) {
    const count = samples.find((one) =>
      one.name === `${name}_count` && JSON.stringify(one.labels) === key
    );
    if (buckets.at(-1)?.labels["le"] !== "+Inf") return "the last bucket is not +Inf";
    if (count?.value !== buckets.at(-1)?.value) return "the count is not that of +Inf";
    const isGrowing = buckets.every(({ value }, index) =>
      value >= (buckets[index - 1]?.value ?? 0)
    );
    if (!isGrowing) return "buckets that shrink";
  }
  return undefined;
}
