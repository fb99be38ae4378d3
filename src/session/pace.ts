/** For how long after its last acknowledgement a client counts as one that keeps up, in milliseconds. */
const KEEPING_UP_MS = 5;

/**
 * Lets those who publish give way to subscribers that take messages as fast as they can and fall behind all the same,
 * before their queues are full. Whoever does not acknowledge holds nobody back.
 */
export class Pace {
  /** When the chunk came that is being worked on; any clock that does not jump, in milliseconds. */
  chunkMs = 0;
  #isCrowded = false;

  /** `queued` of at most `most` messages wait for a client that acknowledged something at `progressMs`. */
  noteQueue(queued: number, most: number, progressMs: number): void {
    if (queued * 2 > most && this.chunkMs - progressMs < KEEPING_UP_MS) this.#isCrowded = true;
  }

  /** Whether somebody should be given time to catch up; asks once. */
  takeCrowded(): boolean {
    if (!this.#isCrowded) return false;
    this.#isCrowded = false;
    return true;
  }
}
