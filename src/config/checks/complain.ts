import type { KeyPath } from "../key_path.ts";

/** Reports what is wrong with the value at `path`, and what would be right. */
export type Complain = (path: KeyPath, found: string, allowed: string) => void;

/** Complains of every element whose name another one before it has. */
export function complainOfTwins<T>(
  complain: Complain,
  elements: readonly T[],
  options: {
    readonly nameOf: (element: T) => string | undefined;
    readonly pathOf: (index: number) => KeyPath;
  },
): void {
  const first = new Map<string, number>();
  for (const [index, element] of elements.entries()) {
    const name = options.nameOf(element);
    if (name === undefined) continue;
    const other = first.get(name);
    if (other === undefined) first.set(name, index);
    else {
      const taken = options.pathOf(other).join(".");
      complain(
        options.pathOf(index),
        `${JSON.stringify(name)}, which ${taken} has already`,
        "a name of its own for each",
      );
    }
  }
}
