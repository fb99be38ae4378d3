/**
 * Does long work piece by piece. One piece is done at once; where it is not enough, the others follow in later turns,
 * between which the other connections have theirs. `step` returns true when all is done. Undefined: it is.
 */
export function inTurns(
  yieldTurn: (fn: () => void) => void,
  step: () => boolean,
): Promise<void> | undefined {
  if (step()) return undefined;
  return new Promise((resolve, reject) => {
    const goOn = (): void => {
      try {
        if (step()) resolve();
        else yieldTurn(goOn);
      } catch (error) {
        reject(error);
      }
    };
    yieldTurn(goOn);
  });
}
