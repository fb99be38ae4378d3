/** A place in a configuration: names of keys, and indexes into arrays. */
export type KeyPath = readonly (string | number)[];

/** The path as `--set` takes it and as it stands in messages: `listener.0.bind`. */
export function formatPath(path: KeyPath): string {
  return path.map(formatSegment).join(".");
}

/** The name of the environment variable that sets the key at `path`. */
export function environmentName(path: KeyPath): string {
  return `BROKER_${path.map((segment) => String(segment).toUpperCase()).join("__")}`;
}

function formatSegment(segment: string | number): string {
  if (typeof segment === "number") return String(segment);
  return /^[A-Za-z0-9_-]+$/.test(segment) ? segment : JSON.stringify(segment);
}
