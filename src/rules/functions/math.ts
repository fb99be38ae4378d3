import { EvaluationFailure } from "../sql/failure.ts";
import { finite, integerOf, numberOf } from "./arguments.ts";
import type { FunctionTable, ValueFunction } from "./function.ts";

const INTEGER_BITS = 64;

export const MATH_FUNCTIONS: FunctionTable = {
  abs: ofNumber(Math.abs),
  acos: ofNumber(Math.acos),
  acosh: ofNumber(Math.acosh),
  asin: ofNumber(Math.asin),
  asinh: ofNumber(Math.asinh),
  atan: ofNumber(Math.atan),
  atanh: ofNumber(Math.atanh),
  ceil: ofNumber(Math.ceil),
  cos: ofNumber(Math.cos),
  cosh: ofNumber(Math.cosh),
  exp: ofNumber(Math.exp),
  floor: ofNumber(Math.floor),
  fmod: ofNumbers((x, y) => x % y),
  log: ofNumber(Math.log),
  log10: ofNumber(Math.log10),
  log2: ofNumber(Math.log2),
  mod: {
    kind: "value",
    arities: [2],
    apply: (x, y) => finite(integerOf(x) % integerOf(y)),
  },
  power: ofNumbers((x, y) => x ** y),
  round: ofNumber((x) => Math.sign(x) * Math.round(Math.abs(x))),
  sin: ofNumber(Math.sin),
  sinh: ofNumber(Math.sinh),
  sqrt: ofNumber(Math.sqrt),
  tan: ofNumber(Math.tan),
  tanh: ofNumber(Math.tanh),
};

/** Integers as 64 bits in two's complement. */
export const BIT_FUNCTIONS: FunctionTable = {
  bitnot: { kind: "value", arities: [1], apply: (x) => fromBits(~toBits(integerOf(x))) },
  bitand: ofBits((x, y) => x & y),
  bitor: ofBits((x, y) => x | y),
  bitxor: ofBits((x, y) => x ^ y),
  bitsl: shift(1),
  bitsr: shift(-1),
};

function ofNumber(compute: (x: number) => number): ValueFunction {
  return { kind: "value", arities: [1], apply: (x) => finite(compute(numberOf(x))) };
}

function ofNumbers(compute: (x: number, y: number) => number): ValueFunction {
  return {
    kind: "value",
    arities: [2],
    apply: (x, y) => finite(compute(numberOf(x), numberOf(y))),
  };
}

function ofBits(compute: (x: bigint, y: bigint) => bigint): ValueFunction {
  return {
    kind: "value",
    arities: [2],
    apply: (x, y) => fromBits(compute(toBits(integerOf(x)), toBits(integerOf(y)))),
  };
}

/** To the left for `direction` 1, to the right for -1; a negative count turns round, as it does in the original. */
function shift(direction: 1 | -1): ValueFunction {
  return {
    kind: "value",
    arities: [2],
    apply: (value, count) => {
      const bits = toBits(integerOf(value));
      const wanted = direction * integerOf(count);
      // So many that nothing of the number is left; BigInt itself would try any count.
      const places = BigInt(Math.max(-INTEGER_BITS, Math.min(INTEGER_BITS, wanted)));
      return fromBits(places < 0n ? bits >> -places : bits << places);
    },
  };
}

function toBits(value: number): bigint {
  const bits = BigInt(value);
  if (BigInt.asIntN(INTEGER_BITS, bits) !== bits) {
    throw new EvaluationFailure(`${value} has more than ${INTEGER_BITS} bits`);
  }
  return bits;
}

/** Numbers have 53 bits: a result that needs more of them is refused, never rounded. */
function fromBits(bits: bigint): number {
  const wrapped = BigInt.asIntN(INTEGER_BITS, bits);
  const value = Number(wrapped);
  if (BigInt(value) !== wrapped) {
    throw new EvaluationFailure(`${wrapped} cannot be kept exactly`);
  }
  return value;
}
