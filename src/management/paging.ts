import type { ListRow, ListSource } from "../broker/mod.ts";
import { ManagementError } from "./management_error.ts";
import { type Page, PAGE_LIMIT_MAX, type PageRequest } from "./query.ts";
import { Slices, type Turns } from "./slices.ts";

/** Rows that are looked at before the clock is; together they take far less than a slice. */
const STEP_ROWS = 32;
/** Rows that a stream hands out at a time: what is made of them counts for its slices, too. */
const BATCH_ROWS = 32;

/** Where a page begins. */
export interface PageStart {
  readonly limit: number;
  /** Rows that match and are passed over. */
  readonly skip: number;
  /** Only rows behind it count for the page. */
  readonly cursor: string | undefined;
}

/** What a request asks for. Throws `ManagementError`. */
export function pageStart(request: PageRequest): PageStart {
  const { limit, page, cursor } = request;
  if (!Number.isInteger(limit) || limit < 0 || limit > PAGE_LIMIT_MAX) {
    throw invalid(`limit is ${limit}, allowed are 0 to ${PAGE_LIMIT_MAX}`);
  }
  if (page !== undefined && (!Number.isSafeInteger(page) || page < 1)) {
    throw invalid(`page is ${page}, allowed are whole numbers from 1`);
  }
  if (page !== undefined && cursor !== undefined) throw invalid("page and cursor are both given");
  return { limit, skip: limit * ((page ?? 1) - 1), cursor };
}

/** The number in a cursor of a list whose rows have one. Throws `ManagementError`. */
export function sequenceOf(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  if (!/^\d{1,15}$/.test(cursor)) throw invalid(`cursor is "${cursor}", which no page gave`);
  return Number(cursor);
}

function invalid(detail: string): ManagementError {
  return new ManagementError("invalid", `Cannot list: ${detail}`);
}

/** One page of a list, read in slices. */
export async function readPage<T>(
  source: ListSource<T>,
  request: PageRequest,
  turns: Turns,
): Promise<Page<T>> {
  const start = pageStart(request);
  return source.matchesAll
    ? await readPlainPage(source, start, new Slices(turns))
    : await readMatchingPage(source, start, new Slices(turns));
}

/** All that match, some at a time, for whoever cannot hold them all. */
export async function* streamRows<T>(
  source: ListSource<T>,
  turns: Turns,
): AsyncGenerator<readonly T[], void, undefined> {
  const slices = new Slices(turns);
  let batch: T[] = [];
  for (let sequence = 0;;) {
    const rows = source.after(sequence, STEP_ROWS);
    for (const row of rows) if (source.matches(row)) batch.push(source.view(row));
    if (rows.length < STEP_ROWS) break;
    sequence = (rows.at(-1) as ListRow).sequence;
    if (batch.length >= BATCH_ROWS) {
      yield batch;
      batch = [];
    }
    await slices.giveWay();
  }
  if (batch.length > 0) yield batch;
}

/** How many rows match. */
export async function countRows<T>(source: ListSource<T>, turns: Turns): Promise<number> {
  if (source.matchesAll) return source.count;
  const slices = new Slices(turns);
  let count = 0;
  for (let sequence = 0;;) {
    const rows = source.after(sequence, STEP_ROWS);
    for (const row of rows) if (source.matches(row)) count++;
    if (rows.length < STEP_ROWS) return count;
    sequence = (rows.at(-1) as ListRow).sequence;
    await slices.giveWay();
  }
}

/** Nothing but the page itself is looked at. */
async function readPlainPage<T>(
  source: ListSource<T>,
  { limit, skip, cursor }: PageStart,
  slices: Slices,
): Promise<Page<T>> {
  const items: T[] = [];
  let sequence = sequenceOf(cursor);
  let isFirst = cursor === undefined;
  while (items.length < limit) {
    const wanted = Math.min(STEP_ROWS, limit - items.length);
    const rows = isFirst ? source.from(skip, wanted) : source.after(sequence, wanted);
    isFirst = false;
    for (const row of rows) items.push(source.view(row));
    if (rows.length < wanted) return { items, count: source.count, nextCursor: undefined };
    sequence = (rows.at(-1) as ListRow).sequence;
    await slices.giveWay();
  }
  const hasMore = limit > 0 && source.after(sequence, 1).length > 0;
  return { items, count: source.count, nextCursor: hasMore ? `${sequence}` : undefined };
}

/** All rows are looked at, for somebody wants to know how many match. */
async function readMatchingPage<T>(
  source: ListSource<T>,
  { limit, skip, cursor }: PageStart,
  slices: Slices,
): Promise<Page<T>> {
  const firstSequence = sequenceOf(cursor);
  const items: T[] = [];
  let [count, passed, lastShown, hasMore] = [0, 0, 0, false];
  for (let sequence = 0;;) {
    const rows = source.after(sequence, STEP_ROWS);
    for (const row of rows) {
      if (!source.matches(row)) continue;
      count++;
      if (row.sequence <= firstSequence || ++passed <= skip) continue;
      if (items.length === limit) {
        hasMore = true;
        continue;
      }
      items.push(source.view(row));
      lastShown = row.sequence;
    }
    if (rows.length < STEP_ROWS) break;
    sequence = (rows.at(-1) as ListRow).sequence;
    await slices.giveWay();
  }
  const nextCursor = hasMore && items.length > 0 ? `${lastShown}` : undefined;
  return { items, count, nextCursor };
}
