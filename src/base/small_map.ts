/**
 * A map of things that know their own key, in the least memory: nothing, an array of up to eight, or
 * a `Map`. For the nodes of trees, most of which have one child while a few have very many.
 *
 * The functions hand back the map to keep in place of the one they were given. An array is never
 * changed but replaced, so whoever iterates one is not disturbed.
 */
export type SmallMap<V extends { readonly key: string }> =
  | readonly V[]
  | Map<string, V>
  | undefined;

const ARRAY_LENGTH_MAX = 8;

export function smallMapGet<V extends { readonly key: string }>(
  map: SmallMap<V>,
  key: string,
): V | undefined {
  if (map === undefined) return undefined;
  if (map instanceof Map) return map.get(key);
  for (let i = 0; i < map.length; i++) {
    const value = map[i] as V;
    if (value.key === key) return value;
  }
  return undefined;
}

/** Adds `value`, whose key must not be in the map yet. */
export function smallMapAdd<V extends { readonly key: string }>(
  map: SmallMap<V>,
  value: V,
): SmallMap<V> {
  if (map === undefined) return [value];
  if (map instanceof Map) return map.set(value.key, value);
  // A spread array has exactly the capacity that it needs; pushing would reserve room for 17.
  if (map.length < ARRAY_LENGTH_MAX) return [...map, value];
  const large = new Map<string, V>();
  for (const old of map) large.set(old.key, old);
  return large.set(value.key, value);
}

/** Takes `key` out, if it is there. A `Map` stays one until it is empty. */
export function smallMapRemove<V extends { readonly key: string }>(
  map: SmallMap<V>,
  key: string,
): SmallMap<V> {
  if (map === undefined) return undefined;
  if (map instanceof Map) {
    map.delete(key);
    return map.size === 0 ? undefined : map;
  }
  const rest = map.filter((value) => value.key !== key);
  return rest.length === 0 ? undefined : rest;
}
