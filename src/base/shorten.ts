/**
 * At most `max` UTF-16 units of a text that somebody else chose, for logs and answers; what is cut off shows as "…".
 * A surrogate pair is kept or left out as a whole.
 */
export function shorten(text: string, max: number): string {
  if (text.length <= max) return text;
  const end = max - 1;
  const last = text.charCodeAt(end - 1);
  const isHalf = last >= 0xd800 && last <= 0xdbff;
  return `${text.slice(0, isHalf ? end - 1 : end)}…`;
}
