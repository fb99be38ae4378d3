/** A statement as the parser understands it. `at` is where a thing stands: UTF-16 units in front of it. */
export type Statement = SelectStatement | ForeachStatement;

interface StatementParts {
  /** What follows FROM: events and topic filters. */
  readonly sources: readonly Source[];
  readonly where: Expression | undefined;
  /** The text that was parsed; errors that are found later quote a place in it. */
  readonly text: string;
}

export interface SelectStatement extends StatementParts {
  readonly kind: "select";
  readonly fields: readonly Field[];
}

export interface ForeachStatement extends StatementParts {
  readonly kind: "foreach";
  /** The last one gives the collection. */
  readonly fields: readonly Field[];
  /** DO; undefined: the element itself is selected. */
  readonly each: readonly Field[] | undefined;
  readonly inCase: Expression | undefined;
}

export interface Source {
  readonly name: string;
  readonly at: number;
}

export type Field = AllField | ValueField;

/** `*` */
export interface AllField {
  readonly kind: "all";
  readonly at: number;
}

export interface ValueField {
  readonly kind: "value";
  readonly value: Expression;
  /** What it is called in the result, from the outermost object inwards. */
  readonly alias: readonly string[] | undefined;
}

export type Expression =
  | LiteralExpression
  | NameExpression
  | CallExpression
  | MinusExpression
  | NotExpression
  | ArithmeticExpression
  | ComparisonExpression
  | InExpression
  | LogicExpression
  | CaseExpression;

export interface LiteralExpression {
  readonly kind: "literal";
  readonly value: string | number | boolean;
}

export interface NameExpression {
  readonly kind: "name";
  /** At least one. */
  readonly path: readonly string[];
  readonly at: number;
}

export interface CallExpression {
  readonly kind: "call";
  /** In lower case. */
  readonly name: string;
  readonly arguments: readonly Expression[];
  readonly at: number;
}

export interface MinusExpression {
  readonly kind: "minus";
  readonly operand: Expression;
}

export interface NotExpression {
  readonly kind: "not";
  readonly operand: Expression;
}

export type ArithmeticOperator = "+" | "-" | "*" | "/" | "div";

export interface ArithmeticExpression {
  readonly kind: "arithmetic";
  readonly operator: ArithmeticOperator;
  readonly left: Expression;
  readonly right: Expression;
}

export type ComparisonOperator = "=" | "<>" | "<" | ">" | "<=" | ">=" | "=~";

export interface ComparisonExpression {
  readonly kind: "comparison";
  readonly operator: ComparisonOperator;
  readonly left: Expression;
  readonly right: Expression;
  /** Of the right side. */
  readonly at: number;
}

export interface InExpression {
  readonly kind: "in";
  readonly operand: Expression;
  readonly isNegated: boolean;
  readonly items: readonly Expression[];
}

/** A chain of AND or of OR: two parts or more. */
export interface LogicExpression {
  readonly kind: "and" | "or";
  readonly parts: readonly Expression[];
}

export interface CaseExpression {
  readonly kind: "case";
  /** What the branches are compared with; without it they are conditions. */
  readonly operand: Expression | undefined;
  readonly branches: readonly CaseBranch[];
  readonly otherwise: Expression | undefined;
}

export interface CaseBranch {
  readonly when: Expression;
  readonly then: Expression;
}
