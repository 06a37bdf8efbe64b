/**
 * GEOSEARCH, GEORADIUS and their kin: one search with two ways of asking. A search is at most nine ranges of scores, walked
 * in the ordered index; what is found is kept as ranks and distances, so nothing of the set is copied before the reply.
 */

import { sortRange, sortStably } from "../memory/partial-sort.ts";
import {
  distanceInside,
  exactDistanceMeters,
  type GeoShape,
  rangesCovering,
  type ScoreRange,
} from "../values/geo-shape.ts";
import { decodeScore, type Place } from "../values/geohash.ts";
import type { SortedSetValue } from "../values/sorted-set.ts";
import { ValueType } from "../values/value-type.ts";
import type { Call } from "./call.ts";
import { openForRead, remove, replace } from "./collection-keys.ts";
import { replyDistance, replyPlace } from "./geo-arguments.ts";
import { type Search, type SearchKind, searchArguments } from "./geo-search-arguments.ts";

const FIRST_ROOM = 64;

/** Ranks and distances in meters of the members found, in the order in which they were. */
class Found {
  ranks = new Int32Array(FIRST_ROOM);
  meters = new Float64Array(FIRST_ROOM);
  count = 0;

  add(rank: number, meters: number): void {
    if (this.count === this.ranks.length) this.#grow();
    this.ranks[this.count] = rank;
    this.meters[this.count++] = meters;
  }

  #grow(): void {
    const ranks = new Int32Array(this.count * 2);
    const meters = new Float64Array(this.count * 2);
    ranks.set(this.ranks);
    meters.set(this.meters);
    this.ranks = ranks;
    this.meters = meters;
  }
}

export function searchPlaces(call: Call, kind: SearchKind): void {
  const { sortedSet } = call.server.collections;
  const exists = openForRead(call, kind.source, ValueType.sortedSet, sortedSet);
  const search = searchArguments(call, kind, exists ? sortedSet : undefined);
  const found = new Found();
  if (exists) findPlaces(sortedSet, search, found);
  const order = orderOf(search, found);
  if (search.target !== 0) storePlaces(call, search, found, order);
  else replyPlaces(call, search, found, order);
}

function findPlaces(set: SortedSetValue, search: Search, found: Found): void {
  const limit = search.any ? search.count : Number.POSITIVE_INFINITY;
  for (const range of rangesCovering(search.shape)) {
    if (found.count >= limit) return;
    findInRange(set, search.shape, { range, found, limit });
  }
}

interface RangeSearch {
  readonly range: ScoreRange;
  readonly found: Found;
  readonly limit: number;
}

function findInRange(set: SortedSetValue, shape: GeoShape, { range, found, limit }: RangeSearch): void {
  const { count } = set;
  const place: Place = { longitude: 0, latitude: 0 };
  let rank = set.rankOfScore(range.first, false);
  if (rank >= count) return;
  set.seek(rank);
  for (; rank < count; rank++, set.next()) {
    const score = set.scoreAtCursor;
    if (score >= range.end) return;
    decodeScore(score, place);
    const meters = distanceInside(shape, place);
    if (Number.isNaN(meters)) continue;
    found.add(rank, meters);
    if (found.count >= limit) return;
  }
}

/** Indexes into what was found, in the order of the reply and as many as it has. */
function orderOf({ order, count }: Search, found: Found): Int32Array {
  const { meters } = found;
  const indexes = Int32Array.from({ length: found.count }, (_, index) => index);
  const wanted = count === 0 ? found.count : Math.min(count, found.count);
  if (order !== "none") {
    const sign = order === "ascending" ? 1 : -1;
    const compare = (left: number, right: number): number => {
      const difference = (meters[left] as number) - (meters[right] as number);
      return difference > 0 ? sign : difference < 0 ? -sign : 0;
    };
    if (wanted === found.count) sortStably(indexes, compare);
    else sortRange(indexes, compare, 0, wanted - 1);
  }
  return indexes.subarray(0, wanted);
}

function replyPlaces(call: Call, search: Search, found: Found, order: Int32Array): void {
  const { reply } = call;
  const { sortedSet, span } = call.server.collections;
  const { withDistance, withHash, withPlace } = search;
  const extras = Number(withDistance) + Number(withHash) + Number(withPlace);
  const place: Place = { longitude: 0, latitude: 0 };
  reply.array(order.length);
  for (const index of order) {
    sortedSet.seek(found.ranks[index] as number);
    sortedSet.readMember(span);
    if (extras > 0) reply.array(extras + 1);
    reply.bulk(span.buffer, span.offset, span.length);
    if (extras === 0) continue;
    const score = sortedSet.scoreAtCursor;
    if (withDistance) replyDistance(call, (found.meters[index] as number) / search.shape.unitMeters);
    if (withHash) reply.integer(score);
    if (!withPlace) continue;
    decodeScore(score, place);
    replyPlace(call, place);
  }
}

function storePlaces(call: Call, search: Search, found: Found, order: Int32Array): void {
  call.reply.integer(order.length);
  if (order.length === 0) {
    remove(call, search.target);
    return;
  }
  const { collections } = call.server;
  const { sortedSet, span } = collections;
  const target = collections.createSortedSetView();
  const place: Place = { longitude: 0, latitude: 0 };
  target.create(order.length, 0);
  for (const index of order) {
    sortedSet.seek(found.ranks[index] as number);
    sortedSet.readMember(span);
    let score = sortedSet.scoreAtCursor;
    if (search.storesDistance) {
      decodeScore(score, place);
      score = exactDistanceMeters(search.shape, place) / search.shape.unitMeters;
    }
    target.set(score, span.buffer, span.offset, span.length);
  }
  replace(call, search.target, ValueType.sortedSet, target, search.event);
}
