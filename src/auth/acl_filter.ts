/*
 * Two questions about two topic filters, taken level by level. Both are about the topics that they match, so the rule
 * that a wildcard in the first level matches no topic that begins with "$" [MQTT-4.7.2-1] counts here as well.
 */

/** Whether every topic that `filter` matches is matched by `pattern`. Both are valid filters without `$share/`. */
export function covers(pattern: string, filter: string): boolean {
  if (startsWithWildcard(pattern) && filter.startsWith("$")) return false;
  const [wide, narrow] = [levelsOf(pattern), levelsOf(filter)];
  for (let at = 0;; at++) {
    const [a, b] = [wide[at], narrow[at]];
    // Also where `filter` has just ended: "a/#" matches "a".
    if (a === "#") return true;
    if (a === undefined || b === undefined) return a === b;
    if (b === "#" || (a !== "+" && a !== b)) return false;
  }
}

/** Whether there is a topic that both match. */
export function overlaps(one: string, other: string): boolean {
  if (startsWithWildcard(one) && other.startsWith("$")) return false;
  if (startsWithWildcard(other) && one.startsWith("$")) return false;
  const [left, right] = [levelsOf(one), levelsOf(other)];
  for (let at = 0;; at++) {
    const [a, b] = [left[at], right[at]];
    if (a === "#" || b === "#") return true;
    if (a === undefined || b === undefined) return a === b;
    if (a !== "+" && b !== "+" && a !== b) return false;
  }
}

function startsWithWildcard(filter: string): boolean {
  return filter.startsWith("+") || filter.startsWith("#");
}

/** "+/#" matches what "#" matches: a topic has one level at least. */
function levelsOf(filter: string): readonly string[] {
  return filter === "+/#" ? ["#"] : filter.split("/");
}
