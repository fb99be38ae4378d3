const SIZE_UNITS: readonly (readonly [unit: string, bytes: number])[] = [
  ["GB", 1024 ** 3],
  ["MB", 1024 ** 2],
  ["KB", 1024],
];
const TIME_UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
];

/** "1MB", "100": the largest unit that leaves no fraction. */
export function sizeText(bytes: number): string {
  const found = SIZE_UNITS.find(([, factor]) => bytes > 0 && bytes % factor === 0);
  return found === undefined ? String(bytes) : `${bytes / found[1]}${found[0]}`;
}

/** Undefined: it is no size. */
export function parseSize(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,15}(?:\.\d{1,9})?)(b|kb|mb|gb)?$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const factor = SIZE_UNITS.find(([name]) => name === unit?.toUpperCase())?.[1] ?? 1;
  const bytes = Number(digits) * factor;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** "1m30s": the largest units first, each once; "0s". */
export function durationText(ms: number): string {
  let rest = ms;
  let text = "";
  for (const [unit, factor] of TIME_UNITS) {
    const count = Math.floor(rest / factor);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * factor;
  }
  return text || "0s";
}

/** In milliseconds; undefined: it is no duration, or has no unit. */
export function parseDuration(text: string): number | undefined {
  if (!/^(?:\d{1,12}(?:\.\d{1,6})?(?:ms|[smhdw]))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, digits, unit] of text.matchAll(/([\d.]+)(ms|[smhdw])/g)) {
    const factor = unit === "w"
      ? 7 * 86_400_000
      : TIME_UNITS.find(([name]) => name === unit)?.[1] ?? NaN;
    total += Number(digits) * factor;
  }
  // A fraction of a unit may miss a whole millisecond by an error of rounding.
  const whole = Math.round(total);
  return Math.abs(total - whole) < 1e-6 && Number.isSafeInteger(whole) ? whole : undefined;
}

/** Undefined: it is no whole number. */
export function parseWhole(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Undefined: it is no number. */
export function parseDecimal(text: string): number | undefined {
  return /^\d{1,9}(?:\.\d{1,9})?$/.test(text) ? Number(text) : undefined;
}

/** Undefined: it is neither; "on" and "off" mean the same as "true" and "false". */
export function parseFlag(text: string): boolean | undefined {
  if (text === "on" || text === "true") return true;
  return text === "off" || text === "false" ? false : undefined;
}
