/**
 * One of our own invariants does not hold: a bug of the broker, never the fault of a peer.
 *
 * Whoever catches it at a connection closes that connection; inside shared state it must not be
 * caught, because going on would spread the damage.
 */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** States what the code around it relies on. Never used on input from outside. */
export function assert(condition: boolean, statement: string): asserts condition {
  if (!condition) throw new AssertionError(`Cannot go on: this must hold: ${statement}`);
}

/** The end of a `switch` over a union: the compiler complains when a case was forgotten. */
export function never(value: never): never {
  throw new AssertionError(`Cannot go on: unexpected value ${String(value)}`);
}
