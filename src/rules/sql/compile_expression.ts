import { finite, integerOf, numberOf } from "../functions/arguments.ts";
import { ENTERPRISE_FUNCTIONS, type EventFunction, type ValueFunction } from "../functions/mod.ts";
import type {
  ArithmeticExpression,
  CallExpression,
  CaseExpression,
  Expression,
  NotExpression,
} from "./ast.ts";
import { compileComparison, compileMembership } from "./compile_comparison.ts";
import { EvaluationFailure } from "./failure.ts";
import { compileName, type Names } from "./names.ts";
import type { Evaluate, Test } from "./scope.ts";
import { SqlError } from "./sql_error.ts";
import { bounded, strictEquals } from "./value.ts";

/** Turns an expression into a closure, once, so that no event walks the tree. */
export function compileExpression(expression: Expression, names: Names): Evaluate {
  switch (expression.kind) {
    case "literal": {
      const { value } = expression;
      return () => value;
    }
    case "name":
      return compileName(expression, names);
    case "call":
      return compileCall(expression, names);
    case "minus": {
      const operand = compileExpression(expression.operand, names);
      return (scope) => 0 - numberOf(operand(scope));
    }
    case "arithmetic":
      return compileArithmetic(expression, names);
    case "case":
      return compileCase(expression, names);
    case "comparison":
    case "in":
    case "not":
    case "and":
    case "or":
      return compileCondition(expression, names);
  }
}

/** Like `compileExpression`, where only `true` counts. */
export function compileCondition(expression: Expression, names: Names): Test {
  switch (expression.kind) {
    case "comparison":
      return compileComparison(expression, names);
    case "in":
      return compileMembership(expression, names);
    case "not":
      return compileNot(expression, names);
    case "and":
      return allOf(expression.parts.map((part) => compileCondition(part, names)));
    case "or":
      return anyOf(expression.parts.map((part) => compileCondition(part, names)));
    case "literal":
    case "name":
    case "call":
    case "minus":
    case "arithmetic":
    case "case": {
      const evaluate = compileExpression(expression, names);
      return (scope) => evaluate(scope) === true;
    }
  }
}

/** What is neither true nor false has no opposite: NOT of it is false. */
function compileNot({ operand }: NotExpression, names: Names): Test {
  const evaluate = compileExpression(operand, names);
  return (scope) => evaluate(scope) === false;
}

function allOf(tests: readonly Test[]): Test {
  const [first, second] = tests as [Test, Test];
  if (tests.length === 2) return (scope) => first(scope) && second(scope);
  return (scope) => {
    for (let at = 0; at < tests.length; at++) {
      if (!(tests[at] as Test)(scope)) return false;
    }
    return true;
  };
}

function anyOf(tests: readonly Test[]): Test {
  const [first, second] = tests as [Test, Test];
  if (tests.length === 2) return (scope) => first(scope) || second(scope);
  return (scope) => {
    for (let at = 0; at < tests.length; at++) {
      if ((tests[at] as Test)(scope)) return true;
    }
    return false;
  };
}

function compileArithmetic(
  { operator, left, right }: ArithmeticExpression,
  names: Names,
): Evaluate {
  const [one, other] = [compileExpression(left, names), compileExpression(right, names)];
  switch (operator) {
    case "+":
      return (scope) => finite(numberOf(one(scope)) + numberOf(other(scope)));
    case "-":
      return (scope) => finite(numberOf(one(scope)) - numberOf(other(scope)));
    case "*":
      return (scope) => finite(numberOf(one(scope)) * numberOf(other(scope)));
    case "/":
      return (scope) => finite(numberOf(one(scope)) / divisor(numberOf(other(scope))));
    case "div":
      return (scope) => {
        const dividend = integerOf(one(scope));
        const by = divisor(integerOf(other(scope)));
        // Without the remainder the division is exact; a fraction might be rounded up.
        return finite((dividend - dividend % by) / by);
      };
  }
}

function divisor(value: number): number {
  if (value === 0) throw new EvaluationFailure("division by zero");
  return value;
}

function compileCase({ operand, branches, otherwise }: CaseExpression, names: Names): Evaluate {
  const compiled = branches.map(({ then }) => compileExpression(then, names));
  const last = otherwise === undefined ? () => undefined : compileExpression(otherwise, names);
  if (operand === undefined) {
    const tests = branches.map(({ when }) => compileCondition(when, names));
    return (scope) => {
      const at = tests.findIndex((test) => test(scope));
      return (compiled[at] ?? last)(scope);
    };
  }
  const evaluate = compileExpression(operand, names);
  const values = branches.map(({ when }) => compileExpression(when, names));
  return (scope) => {
    const value = evaluate(scope);
    const at = values.findIndex((each) => strictEquals(each(scope), value));
    return (compiled[at] ?? last)(scope);
  };
}

function compileCall(call: CallExpression, names: Names): Evaluate {
  const { text, functions, columnsUsed } = names.compilation;
  const { name, at } = call;
  const found = functions.get(name);
  if (found === undefined) {
    const detail = ENTERPRISE_FUNCTIONS.has(name)
      ? `the function "${name}" is not provided`
      : `unknown function "${name}"`;
    throw new SqlError(text, at, { code: "unknown-function", detail, name });
  }
  const count = call.arguments.length;
  if (!found.arities.includes(count)) {
    const allowed = found.arities.join(" or ");
    const detail = `the function "${name}" is given ${count} arguments, allowed: ${allowed}`;
    throw new SqlError(text, at, { code: "wrong-arity", detail, name });
  }
  const inner = call.arguments.map((argument) => compileExpression(argument, names));
  if (found.kind === "value") return compileValueCall(found, inner);
  found.columns.forEach((column) => columnsUsed.add(column));
  return compileEventCall(found, inner);
}

function compileValueCall({ apply }: ValueFunction, inner: readonly Evaluate[]): Evaluate {
  const [first, second, third] = inner as [Evaluate, Evaluate, Evaluate];
  switch (inner.length) {
    case 1:
      return (scope) => bounded(apply(first(scope), undefined, undefined, 1));
    case 2:
      return (scope) => bounded(apply(first(scope), second(scope), undefined, 2));
    default:
      return (scope) => bounded(apply(first(scope), second(scope), third(scope), 3));
  }
}

function compileEventCall({ apply }: EventFunction, inner: readonly Evaluate[]): Evaluate {
  const [first] = inner;
  if (first === undefined) return ({ columns }) => apply(columns, undefined, 0);
  return (scope) => apply(scope.columns, first(scope), 1);
}
