const KIB = 1024;
const SIZE_UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: KIB,
  kib: KIB,
  mb: KIB ** 2,
  mib: KIB ** 2,
  gb: KIB ** 3,
  gib: KIB ** 3,
};

const DURATION_UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** `"64KB"`, `"1.5MB"`, `"100"` in bytes, by the 1024; undefined when it is no size. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  if (match === null) return undefined;
  const [, digits = "", unit = ""] = match;
  const factor = unit === "" ? 1 : SIZE_UNITS[unit.toLowerCase()];
  if (factor === undefined) return undefined;
  const bytes = Number(digits) * factor;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The shortest exact way to write a number of bytes. */
export function formatSize(bytes: number): string {
  for (const [unit, factor] of [["GB", KIB ** 3], ["MB", KIB ** 2], ["KB", KIB]] as const) {
    if (bytes !== 0 && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return `${bytes}`;
}

/** `"2ms"`, `"1.5s"`, `"1h30m"`, `"30d"` or seconds without a unit, in milliseconds. */
export function parseDuration(text: string): number | undefined {
  const compact = text.trim().toLowerCase();
  if (/^\d+(?:\.\d+)?$/.test(compact)) return wholeMs(Number(compact) * 1000);
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w)\s*)+$/.test(compact)) return undefined;
  let totalMs = 0;
  let previousFactor = Infinity;
  for (const [, digits = "", unit = ""] of compact.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g)) {
    const factor = DURATION_UNITS_MS[unit] ?? 0;
    // "1m1h" is more likely a slip than a way to say 61 minutes.
    if (factor >= previousFactor) return undefined;
    previousFactor = factor;
    totalMs += Number(digits) * factor;
  }
  return wholeMs(totalMs);
}

/** The largest units first, each once: `"1h30m"`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0";
  let rest = ms;
  let text = "";
  for (const unit of ["d", "h", "m", "s", "ms"]) {
    const factor = DURATION_UNITS_MS[unit] ?? 1;
    const count = Math.floor(rest / factor);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * factor;
  }
  return text;
}

/** Decimal fractions of a unit may miss a whole millisecond by a rounding error, not by more. */
function wholeMs(ms: number): number | undefined {
  const rounded = Math.round(ms);
  return Math.abs(ms - rounded) < 1e-6 && Number.isSafeInteger(rounded) ? rounded : undefined;
}
