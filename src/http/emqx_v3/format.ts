const MB = 1024 * 1024;

/** What stands for a value that there is none of. */
export const UNDEFINED = "undefined";

/** "2019-04-29 10:56:41" in the time of this machine. */
export function localTime(ms: number): string {
  const time = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, "0");
  const date = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join("-");
  const clock = [two(time.getHours()), two(time.getMinutes()), two(time.getSeconds())].join(":");
  return `${date} ${clock}`;
}

/** "3 minutes, 59 seconds": without what is 0 in front, never in the singular. */
export function uptimeText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const [minutes, hours, days] = [60, 3600, 86_400].map((unit) => Math.floor(seconds / unit));
  const rest = `${seconds % 60} seconds`;
  if (!minutes) return rest;
  const withMinutes = `${minutes % 60} minutes, ${rest}`;
  if (!hours) return withMinutes;
  const withHours = `${hours % 24} hours, ${withMinutes}`;
  return days ? `${days} days,${withHours}` : withHours;
}

/** "83.45M": two digits behind the point, by the 1024. */
export function memoryText(bytes: number): string {
  for (const [unit, letter] of [[1024 * MB, "G"], [MB, "M"], [1024, "K"]] as const) {
    if (bytes > unit) return `${(bytes / unit).toFixed(2)}${letter}`;
  }
  return String(bytes);
}

/** A bare port where every address is listened on. */
export function listenOn(host: string, port: number): string {
  if (host === "0.0.0.0" || host === "::") return String(port);
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
