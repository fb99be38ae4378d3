import { filterMatches } from "../mqtt/mod.ts";

/*
 * How a cached route learns that subscriptions changed, without being told.
 *
 * Every change of a filter gets a number. Asking "has anything changed since my number?" is one
 * comparison and nearly always enough. When the answer is yes, most changes still cannot matter:
 * the number of the last change is kept apart for filters by how they begin, in a table of
 * fixed size that is addressed by hashes. A route knows the six slots that the filters which match
 * its topic can be in:
 *
 *   filter                       slot
 *   # or +/…                     0
 *   a/+… or a/#                  hash of "a"
 *   a/b/+… or a/b/#              hash of "a/b"
 *   a/b/c/+… or a/b/c/#          hash of "a/b/c"
 *   a/b/c/d/+…, a/b/c/d/…/#      hash of "a/b/c/d"
 *   without a wildcard           hash of the whole
 *
 * The first two kinds concern many topics and match few of them. The latest of these filters are
 * remembered, and a route that is not further behind is compared with them one by one.
 *
 * A slot that several share, or a memory that is too short, makes a route look stale that is not:
 * it is then checked against the trie and kept. The other error cannot happen.
 */

const SLOT_COUNT = 8192;
const PREFIX_LEVELS_MAX = 4;
/** More would cost more than the walk through the trie that they are to spare. */
const BROAD_FILTERS_MAX = 32;
const ANYTHING_SLOT = 0;
const SLASH = 0x2f;
const PLUS = 0x2b;
const HASH = 0x23;
const HASH_START = 0x811c9dc5 | 0;
/** Keeps `a/b` as a whole topic apart from `a/b` as a beginning. */
const WHOLE_START = 0x2c9277b5 | 0;

/** Where a topic's matching filters can be found in the table, and up to when it was compared. */
export interface ChangeStamp {
  /** The number of the last change that is known not to matter, or was taken into account. */
  seenVersion: number;
  readonly slot1: number;
  readonly slot2: number;
  readonly slot3: number;
  readonly slot4: number;
  readonly slotWhole: number;
}

export class ChangeLog {
  #version = 0;
  readonly #slots = new Float64Array(SLOT_COUNT);
  /** Ring of the latest changed filters with a wildcard in their first two levels. */
  readonly #broadFilters: string[] = new Array<string>(BROAD_FILTERS_MAX).fill("");
  readonly #broadVersions = new Float64Array(BROAD_FILTERS_MAX);
  #broadCount = 0;

  /** The number of the last change. */
  get version(): number {
    return this.#version;
  }

  /** Notes that what is subscribed with `filter`, a valid one, changed. Returns the change's number. */
  note(filter: string): number {
    this.#version++;
    const levels = literalLevels(filter);
    this.#slots[slotOfFilter(filter, levels)] = this.#version;
    if (levels === 0 || levels === 1) {
      const index = this.#broadCount++ % BROAD_FILTERS_MAX;
      this.#broadFilters[index] = filter;
      this.#broadVersions[index] = this.#version;
    }
    return this.#version;
  }

  /** False: nothing that was noted after `stamp.seenVersion` matches `topic`, whose stamp it is. */
  mayConcern(stamp: ChangeStamp, topic: string): boolean {
    const { seenVersion } = stamp;
    const slots = this.#slots;
    if (
      (slots[stamp.slot2] as number) > seenVersion ||
      (slots[stamp.slot3] as number) > seenVersion ||
      (slots[stamp.slot4] as number) > seenVersion ||
      (slots[stamp.slotWhole] as number) > seenVersion
    ) {
      return true;
    }
    if (
      (slots[ANYTHING_SLOT] as number) <= seenVersion &&
      (slots[stamp.slot1] as number) <= seenVersion
    ) {
      return false;
    }
    return this.#mayBroadOneMatch(seenVersion, topic);
  }

  #mayBroadOneMatch(seenVersion: number, topic: string): boolean {
    const oldest = Math.max(this.#broadCount - BROAD_FILTERS_MAX, 0);
    for (let i = this.#broadCount - 1; i >= oldest; i--) {
      const index = i % BROAD_FILTERS_MAX;
      if ((this.#broadVersions[index] as number) <= seenVersion) return false;
      if (filterMatches(this.#broadFilters[index] as string, topic)) return true;
    }
    // All that is remembered is newer: what was forgotten may be newer as well.
    return oldest > 0;
  }
}

/** The slot of filters that begin with the first `levels` levels of `topic`, or with all it has. */
export function slotOfPrefix(topic: string, levels: 1 | 2 | 3 | 4): number {
  let hash = HASH_START;
  let left: number = levels;
  for (let i = 0; i < topic.length; i++) {
    const unit = topic.charCodeAt(i);
    if (unit === SLASH && --left === 0) break;
    hash = mix(hash, unit);
  }
  return toSlot(hash);
}

/** The slot of the filter that is `topic` itself. */
export function slotOfWhole(topic: string): number {
  let hash = WHOLE_START;
  for (let i = 0; i < topic.length; i++) hash = mix(hash, topic.charCodeAt(i));
  return toSlot(hash);
}

function slotOfFilter(filter: string, levels: number): number {
  if (levels < 0) return slotOfWhole(filter);
  if (levels === 0) return ANYTHING_SLOT;
  return slotOfPrefix(filter, Math.min(levels, PREFIX_LEVELS_MAX) as 1 | 2 | 3 | 4);
}

/** Levels in front of the first wildcard; -1: there is no wildcard. */
function literalLevels(filter: string): number {
  let levels = 0;
  for (let i = 0; i < filter.length; i++) {
    const unit = filter.charCodeAt(i);
    if (unit === PLUS || unit === HASH) return levels;
    if (unit === SLASH) levels++;
  }
  return -1;
}

function mix(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, 0x01000193);
}

function toSlot(hash: number): number {
  return 1 + ((hash ^ (hash >>> 15)) >>> 0) % (SLOT_COUNT - 1);
}
