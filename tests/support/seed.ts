import process from "node:process";
import { Prng } from "../../src/base/mod.ts";

/**
 * The generator of a randomised test. Prints its seed, which the environment variable SEED sets, so
 * that a failure can be repeated.
 */
export function seededPrng(testName: string): Prng {
  const seed = Number(process.env["SEED"] || Math.floor(Math.random() * 2 ** 31));
  if (!Number.isSafeInteger(seed)) {
    throw new RangeError(`Cannot seed: SEED is not a whole number, "${process.env["SEED"]}"`);
  }
  process.stderr.write(`${testName}: SEED=${seed}\n`);
  return new Prng(seed);
}
