/**
 * The candidate that `text` was probably meant to be: the nearest by edits, when near enough to be a
 * slip, else the only one that has all its words. Undefined when none is.
 */
export function nearest(text: string, candidates: readonly string[]): string | undefined {
  const wanted = text.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best ?? withWords(wanted, candidates);
}

function withWords(wanted: string, candidates: readonly string[]): string | undefined {
  const words = wanted.split(/[^a-z0-9]+/).filter((word) => word !== "");
  if (words.length === 0) return undefined;
  const matching = candidates.filter((candidate) => {
    const offered = candidate.toLowerCase().split(/[^a-z0-9]+/);
    return words.every((word) => offered.includes(word));
  });
  return matching.length === 1 ? matching[0] : undefined;
}

/**
 * Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. `limit` or
 * more is not told apart.
 */
export function editDistance(a: string, b: string, limit = Infinity): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let cost = Math.min(
        (previous[j] ?? 0) + 1,
        (current[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (isSame ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (beforePrevious[j - 2] ?? 0) + 1);
      }
      current.push(cost);
    }
    if (Math.min(...current) >= limit) return limit;
    [beforePrevious, previous] = [previous, current];
  }
  return previous[b.length] ?? 0;
}
