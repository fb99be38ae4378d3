/*
 * Texts as people see them: a letter with its accents, or an emoji of several parts, is one.
 */

/** In these texts each UTF-16 unit is one grapheme: no combining marks, no pairs, no line ends of two. */
const SIMPLE =
  /^[\x20-\x7e\u00a0-\u02ff\u0370-\u0482\u048a-\u0590\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uff01-\uff60]*$/;

let segmenter: Intl.Segmenter | undefined;

/** Made for the first text that needs it: it takes 7 ms, for which no start of the broker shall wait. */
function segmentsOf(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return segmenter.segment(text);
}

export function graphemeCount(text: string): number {
  if (SIMPLE.test(text)) return text.length;
  let count = 0;
  for (const _segment of segmentsOf(text)) count++;
  return count;
}

export function reverseGraphemes(text: string): string {
  const parts = SIMPLE.test(text) ? Array.from(text) : graphemesOf(text);
  return parts.reverse().join("");
}

/** `length` of them from `start` on, which counts from 0; fewer where the text ends. */
export function sliceGraphemes(text: string, start: number, length: number): string {
  if (SIMPLE.test(text)) return text.slice(start, start + length);
  const end = start + length;
  let [index, from, to] = [0, text.length, text.length];
  for (const segment of segmentsOf(text)) {
    if (index === start) from = segment.index;
    if (index === end) {
      to = segment.index;
      break;
    }
    index++;
  }
  return text.slice(from, to);
}

function graphemesOf(text: string): string[] {
  return Array.from(segmentsOf(text), ({ segment }) => segment);
}
