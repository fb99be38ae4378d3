/** A page by number, as most products have it. */
export interface PageNumbers {
  /** From 1. */
  readonly page: number;
  readonly limit: number;
}

export interface PageBounds {
  readonly limitDefault: number;
  readonly limitMin: number;
  readonly limitMax: number;
}

/** Reads a page number and a limit as they stand in a query; undefined: one of them is out of range. */
export function readPageNumbers(
  page: string | undefined,
  limit: string | undefined,
  bounds: PageBounds,
): PageNumbers | undefined {
  const pageNumber = readNumber(page, 1);
  const limitNumber = readNumber(limit, bounds.limitDefault);
  if (pageNumber === undefined || pageNumber < 1) return undefined;
  if (limitNumber === undefined) return undefined;
  if (limitNumber < bounds.limitMin || limitNumber > bounds.limitMax) return undefined;
  return { page: pageNumber, limit: limitNumber };
}

/** Digits only; an empty text counts as absent. */
function readNumber(text: string | undefined, fallback: number): number | undefined {
  if (text === undefined || text === "") return fallback;
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** Whether rows follow behind this page. */
export function hasNextPage({ page, limit }: PageNumbers, count: number): boolean {
  return page * limit < count;
}
