/** Limits of statements and of what they compute. What is too much at creation is a `SqlError`, later the rule is skipped. */

/** UTF-8 bytes of a statement. */
export const STATEMENT_BYTES_MAX = 16_384;
/** Operators, calls and CASEs within each other; a chain of AND or of OR counts once. */
export const EXPRESSION_DEPTH_MAX = 64;
/** Elements of the collection of a FOREACH. */
export const FOREACH_ELEMENTS_MAX = 1000;
/**
 * How long a FOREACH may take for one event, in milliseconds. What is done a thousand times may be much each time, such
 * as the length of a large text.
 */
export const FOREACH_MS_MAX = 250;
/** What a FOREACH selects of one event, in bytes as `weighed` counts them: each element may have a copy of something large. */
export const FOREACH_BYTES_MAX = 16_777_216;
/** UTF-8 bytes of a text that a function gives, of what `weighed` counts for a list or object, and of JSON that is read. */
export const RESULT_BYTES_MAX = 1_048_576;
/** Lists and objects within each other in JSON that is read: whoever walks them may do so by recursion. */
export const JSON_DEPTH_MAX = 512;
