/** A value that is usually there at once; a promise only when somebody really has to wait. */
export type MaybePromise<T> = T | Promise<T>;

/** Whether somebody has to wait. True for foreign thenables, too. */
export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return value instanceof Promise ||
    (typeof value === "object" && value !== null && "then" in value &&
      typeof value.then === "function");
}

/**
 * Goes on with `next`: now when the value is there, else when it arrives.
 *
 * What `next` throws is thrown here in the first case and rejects the promise in the second.
 */
export function then<T, R>(
  value: MaybePromise<T>,
  next: (value: T) => MaybePromise<R>,
): MaybePromise<R> {
  return isPromise(value) ? value.then(next) : next(value);
}
