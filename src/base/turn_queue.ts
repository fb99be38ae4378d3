/** Work that is done one after the other, in the order in which it was asked for. */
export class TurnQueue {
  #last: Promise<unknown> = Promise.resolve();

  /** Begins `work` when all that came before is over, however it went; resolves or rejects as `work` does. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    // Whoever asked for it is told of its failure; whoever comes next does not mind.
    this.#last = result.catch(() => undefined);
    return await result;
  }
}
