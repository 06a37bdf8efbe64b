/**
 * Places as members of sorted sets: added, read, measured. A place is a score of 52 bits (values/geohash.ts), so every
 * sorted-set command works on them too. Searches: geo-search.ts.
 */

import { distanceMeters } from "../values/geo-shape.ts";
import { decodeScore, geohashText, type Place, scoreOfPlace } from "../values/geohash.ts";
import { SetResult } from "../values/sorted-set.ts";
import { ValueType } from "../values/value-type.ts";
import type { Call } from "./call.ts";
import { openForRead, openForWrite, store } from "./collection-keys.ts";
import { defineCommands, type KeySpec, keyAt, oneKey } from "./command.ts";
import { CommandError, ERRORS } from "./errors.ts";
import { placeArgument, replyDistance, replyPlace, unitArgument } from "./geo-arguments.ts";
import { searchPlaces } from "./geo-search.ts";

const SEARCH_COST = "O(N+log(M)): N the members in the cells around the shape, M the members in the set";
const RESULT = "[COUNT count [ANY]] [ASC | DESC]";
const EXTRAS = "[WITHCOORD] [WITHDIST] [WITHHASH]";
const UNIT = "<M | KM | FT | MI>";
const SHAPE = `<FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius ${UNIT} | BYBOX width height ${UNIT}>`;

/** GEORADIUS may name a key to store to, behind a keyword anywhere after the fixed arguments. */
function radiusKeys(startFrom: number): readonly KeySpec[] {
  const stored = (keyword: string): KeySpec => ({
    flags: ["OW", "update"],
    begin: { keyword, startFrom },
    find: { last: 0, step: 1, limit: 0 },
  });
  return [keyAt(1, "RO", "access"), stored("STORE"), stored("STOREDIST")];
}

export const geoCommands = defineCommands([
  {
    name: "geoadd",
    arity: -5,
    flags: ["write", "denyoom"],
    keys: oneKey("RW", "update"),
    group: "geo",
    since: "3.2.0",
    complexity: "O(log(N)) for each place",
    summary: "Adds places to a set, or moves them.",
    syntax: "key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]",
    run: geoadd,
  },
  {
    name: "geodist",
    arity: -4,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "geo",
    since: "3.2.0",
    complexity: "O(1)",
    summary: "Gives the distance between two places of a set.",
    syntax: "key member1 member2 [M | KM | FT | MI]",
    run: geodist,
  },
  {
    name: "geohash",
    arity: -2,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "geo",
    since: "3.2.0",
    complexity: "O(1) for each member",
    summary: "Gives the geohash texts of places, as other systems write them.",
    syntax: "key [member [member ...]]",
    run: (call) =>
      forEachMember(
        call,
        () => call.reply.nil(),
        (place) => call.reply.bulkString(geohashText(place)),
      ),
  },
  {
    name: "geopos",
    arity: -2,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "geo",
    since: "3.2.0",
    complexity: "O(1) for each member",
    summary: "Gives the longitudes and latitudes of places.",
    syntax: "key [member [member ...]]",
    run: (call) =>
      forEachMember(
        call,
        () => call.reply.nilArray(),
        (place) => replyPlace(call, place),
      ),
  },
  {
    name: "geosearch",
    arity: -7,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "geo",
    since: "6.2.0",
    complexity: SEARCH_COST,
    summary: "Finds the places within a circle or a box.",
    syntax: `key ${SHAPE} [ASC | DESC] [COUNT count [ANY]] ${EXTRAS}`,
    run: (call) => searchPlaces(call, { form: "options", source: 1, target: 0, mayStore: false }),
  },
  {
    name: "geosearchstore",
    arity: -8,
    flags: ["write", "denyoom"],
    keys: [keyAt(1, "OW", "update"), keyAt(2, "RO", "access")],
    group: "geo",
    since: "6.2.0",
    complexity: SEARCH_COST,
    summary: "Stores the places within a circle or a box.",
    syntax: `destination source ${SHAPE} [ASC | DESC] [COUNT count [ANY]] [STOREDIST]`,
    run: (call) => searchPlaces(call, { form: "options", source: 2, target: 1, mayStore: true }),
  },
  {
    name: "georadius",
    arity: -6,
    flags: ["write", "denyoom", "movablekeys"],
    keys: radiusKeys(6),
    group: "geo",
    since: "3.2.0",
    complexity: SEARCH_COST,
    summary: "Finds the places around a point, and may store them. GEOSEARCH does more.",
    syntax: `key longitude latitude radius ${UNIT} ${EXTRAS} ${RESULT} [STORE key | STOREDIST key]`,
    run: (call) => searchPlaces(call, { form: "place", source: 1, target: 0, mayStore: true }),
  },
  {
    name: "georadius_ro",
    arity: -6,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "geo",
    since: "3.2.10",
    complexity: SEARCH_COST,
    summary: "Finds the places around a point.",
    syntax: `key longitude latitude radius ${UNIT} ${EXTRAS} ${RESULT}`,
    run: (call) => searchPlaces(call, { form: "place", source: 1, target: 0, mayStore: false }),
  },
  {
    name: "georadiusbymember",
    arity: -5,
    flags: ["write", "denyoom", "movablekeys"],
    keys: radiusKeys(5),
    group: "geo",
    since: "3.2.0",
    complexity: SEARCH_COST,
    summary: "Finds the places around a member, and may store them. GEOSEARCH does more.",
    syntax: `key member radius ${UNIT} ${EXTRAS} ${RESULT} [STORE key | STOREDIST key]`,
    run: (call) => searchPlaces(call, { form: "member", source: 1, target: 0, mayStore: true }),
  },
  {
    name: "georadiusbymember_ro",
    arity: -5,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "geo",
    since: "3.2.10",
    complexity: SEARCH_COST,
    summary: "Finds the places around a member.",
    syntax: `key member radius ${UNIT} ${EXTRAS} ${RESULT}`,
    run: (call) => searchPlaces(call, { form: "member", source: 1, target: 0, mayStore: false }),
  },
]);

interface AddOptions {
  isNewOnly: boolean;
  isExistingOnly: boolean;
  countsChanged: boolean;
  /** Argument of the first longitude. */
  first: number;
}

function addOptions(call: Call): AddOptions {
  const options: AddOptions = { isNewOnly: false, isExistingOnly: false, countsChanged: false, first: 2 };
  for (; options.first < call.argc; options.first++) {
    if (call.is(options.first, "nx")) options.isNewOnly = true;
    else if (call.is(options.first, "xx")) options.isExistingOnly = true;
    else if (call.is(options.first, "ch")) options.countsChanged = true;
    else break;
  }
  const values = call.argc - options.first;
  const isContrary = options.isNewOnly && options.isExistingOnly;
  if (values === 0 || values % 3 !== 0 || isContrary) throw new CommandError(ERRORS.syntax);
  return options;
}

function geoadd(call: Call): void {
  const options = addOptions(call);
  const place: Place = { longitude: 0, latitude: 0 };
  let longest = 0;
  for (let i = options.first; i < call.argc; i += 3) {
    placeArgument(call, i, place);
    longest = Math.max(longest, call.length[i + 2] as number);
  }
  const { sortedSet } = call.server.collections;
  const record = openForWrite(call, 1, ValueType.sortedSet, sortedSet);
  const members = (call.argc - options.first) / 3;
  if (record !== 0) {
    sortedSet.prepareFor(members, longest);
    // Even if no member changes in the end, the old form is gone.
    if (sortedSet.root !== call.db.rootOf(record)) call.db.setRoot(record, sortedSet.root, sortedSet.encoding);
  } else if (options.isExistingOnly) {
    call.reply.integer(0);
    return;
  } else sortedSet.create(members, longest);
  addPlaces(call, record, options);
}

function addPlaces(call: Call, record: number, options: AddOptions): void {
  const { buffer, offset, length } = call;
  const { sortedSet } = call.server.collections;
  const place: Place = { longitude: 0, latitude: 0 };
  let added = 0;
  let updated = 0;
  for (let i = options.first; i < call.argc; i += 3) {
    placeArgument(call, i, place);
    const at = offset[i + 2] as number;
    const size = length[i + 2] as number;
    if (options.isNewOnly || options.isExistingOnly) {
      const isThere = !Number.isNaN(sortedSet.score(buffer, at, size));
      if (isThere === options.isNewOnly) continue;
    }
    const result = sortedSet.set(scoreOfPlace(place.longitude, place.latitude), buffer, at, size);
    if (result === SetResult.added) added++;
    else if (result === SetResult.updated) updated++;
  }
  if (added + updated > 0) {
    store(call, 1, record, ValueType.sortedSet, sortedSet, "zadd");
  }
  call.reply.integer(options.countsChanged ? added + updated : added);
}

function geodist(call: Call): void {
  if (call.argc > 5) throw new CommandError(ERRORS.syntax);
  const unitMeters = call.argc === 5 ? unitArgument(call, 4) : 1;
  const { sortedSet } = call.server.collections;
  const exists = openForRead(call, 1, ValueType.sortedSet, sortedSet);
  const first: Place = { longitude: 0, latitude: 0 };
  const second: Place = { longitude: 0, latitude: 0 };
  if (!exists || !readPlace(call, 2, first) || !readPlace(call, 3, second)) {
    call.reply.nil();
    return;
  }
  const meters = distanceMeters(first.longitude, first.latitude, second.longitude, second.latitude);
  replyDistance(call, meters / unitMeters);
}

/** The place of the member at this argument, in the open set; false if it is no member. */
function readPlace(call: Call, argument: number, place: Place): boolean {
  const { sortedSet } = call.server.collections;
  const score = sortedSet.score(call.buffer, call.offset[argument] as number, call.length[argument] as number);
  if (Number.isNaN(score)) return false;
  decodeScore(score, place);
  return true;
}

function forEachMember(call: Call, missing: () => void, there: (place: Place) => void): void {
  const exists = openForRead(call, 1, ValueType.sortedSet, call.server.collections.sortedSet);
  const place: Place = { longitude: 0, latitude: 0 };
  call.reply.array(call.argc - 2);
  for (let i = 2; i < call.argc; i++) {
    if (exists && readPlace(call, i, place)) there(place);
    else missing();
  }
}
