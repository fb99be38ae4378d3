/** A moment in local time, as the formats of the C library see it. */
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
const DAY_MS = 86_400_000;

/** A moment with more digits than `Date` has. */
export interface Moment {
  readonly date: Date;
  /** Since 1970. */
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** `ms`: since 1970, with fractions. */
export function momentOf(ms: number): Moment {
  const seconds = Math.floor(ms / 1000);
  const nanoseconds = Math.min(999_999_999, Math.floor((ms - seconds * 1000) * 1e6));
  return { date: new Date(ms), seconds, nanoseconds };
}

/** Now, as exactly as the runtime knows it. */
export function exactNowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** What strftime makes of `%` and this letter, in the locale "C"; of a letter that it does not know, both. */
export function strftime(letter: string, moment: Moment): string {
  const { date } = moment;
  switch (letter) {
    case "a":
      return dayName(date).slice(0, 3);
    case "A":
      return dayName(date);
    case "b":
    case "h":
      return monthName(date).slice(0, 3);
    case "B":
      return monthName(date);
    case "C":
      return two(Math.floor(date.getFullYear() / 100));
    case "d":
      return two(date.getDate());
    case "e":
      return String(date.getDate()).padStart(2);
    case "g":
      return two(isoWeek(date).year % 100);
    case "G":
      return String(isoWeek(date).year);
    case "H":
      return two(date.getHours());
    case "I":
      return two(hour12(date));
    case "j":
      return String(dayOfYear(date) + 1).padStart(3, "0");
    case "k":
      return String(date.getHours()).padStart(2);
    case "l":
      return String(hour12(date)).padStart(2);
    case "m":
      return two(date.getMonth() + 1);
    case "M":
      return two(date.getMinutes());
    case "n":
      return "\n";
    case "p":
      return date.getHours() < 12 ? "AM" : "PM";
    case "P":
      return date.getHours() < 12 ? "am" : "pm";
    case "s":
      return String(moment.seconds);
    case "S":
      return two(date.getSeconds());
    case "t":
      return "\t";
    case "u":
      return String(date.getDay() === 0 ? 7 : date.getDay());
    case "U":
      return two(Math.floor((dayOfYear(date) + 7 - date.getDay()) / 7));
    case "V":
      return two(isoWeek(date).week);
    case "w":
      return String(date.getDay());
    case "W":
      return two(Math.floor((dayOfYear(date) + 7 - (date.getDay() + 6) % 7) / 7));
    case "y":
      return two(date.getFullYear() % 100);
    case "Y":
      return String(date.getFullYear());
    case "z":
      return zoneOffset(date);
    case "Z":
      return zoneName(date);
    default: {
      const longer = COMPOSED[letter];
      return longer === undefined ? `%${letter}` : composed(longer, moment);
    }
  }
}

/** Formats that are made of others. */
const COMPOSED: Readonly<Record<string, string>> = {
  c: "%a %b %e %H:%M:%S %Y",
  D: "%m/%d/%y",
  F: "%Y-%m-%d",
  r: "%I:%M:%S %p",
  R: "%H:%M",
  T: "%H:%M:%S",
  x: "%m/%d/%y",
  X: "%H:%M:%S",
};

function composed(format: string, moment: Moment): string {
  return format.replace(/%(.)/g, (_, letter: string) => strftime(letter, moment));
}

/** "2026-08-10T09:47:38+0100" */
export function isoTime(moment: Moment): string {
  return composed("%Y-%m-%dT%H:%M:%S%z", moment);
}

/** The same with microseconds. */
export function isoTimeExactly(moment: Moment): string {
  const micros = String(Math.floor(moment.nanoseconds / 1000)).padStart(6, "0");
  return `${composed("%Y-%m-%dT%H:%M:%S", moment)}.${micros}${zoneOffset(moment.date)}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

function dayName(date: Date): string {
  return DAYS[date.getDay()] as string;
}

function monthName(date: Date): string {
  return MONTHS[date.getMonth()] as string;
}

function hour12(date: Date): number {
  return date.getHours() % 12 || 12;
}

/** From 0; days of 23 and 25 hours are days, too. */
function dayOfYear(date: Date): number {
  const year = date.getFullYear();
  return Math.round(
    (Date.UTC(year, date.getMonth(), date.getDate()) - Date.UTC(year, 0, 1)) / DAY_MS,
  );
}

/** The week of its Thursday [ISO 8601]. */
function isoWeek(date: Date): { readonly year: number; readonly week: number } {
  const fromMonday = (date.getDay() + 6) % 7;
  const thursday = new Date(date.getFullYear(), date.getMonth(), date.getDate() - fromMonday + 3);
  return { year: thursday.getFullYear(), week: Math.floor(dayOfYear(thursday) / 7) + 1 };
}

function zoneOffset(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}${two(size % 60)}`;
}

/** Runtimes have names for few zones, and offsets for the others. */
function zoneName(date: Date): string {
  const parts = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" }).formatToParts(date);
  return parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
}
