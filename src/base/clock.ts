/** Where the time comes from. Nobody but the implementations asks the system for it. */
export interface Clock {
  /** Wall clock in milliseconds since 1970: may jump either way, so it is for records and display. */
  nowMs(): number;
  /** Never goes back, origin unspecified, fractions possible: for every measured or awaited span. */
  monotonicMs(): number;
}

/** The clock of the machine. */
export class SystemClock implements Clock {
  nowMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }
}
