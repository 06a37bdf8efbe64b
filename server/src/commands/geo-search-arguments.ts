/**
 * The arguments of GEOSEARCH, GEORADIUS and their kin, read into one description of a search. Each has its own table of
 * options on top of a common one; the order of checks is Redis', since the first fault decides the error.
 */

import type { GeoShape } from "../values/geo-shape.ts";
import { decodeScore } from "../values/geohash.ts";
import type { SortedSetValue } from "../values/sorted-set.ts";
import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { CommandError, cString, ERRORS } from "./errors.ts";
import { numberArgument, placeArgument, unitArgument } from "./geo-arguments.ts";

export interface SearchKind {
  /** GEORADIUS gives place and radius by position, GEORADIUSBYMEMBER a member and radius, GEOSEARCH options. */
  readonly form: "place" | "member" | "options";
  /** Argument with the key of the set that is searched. */
  readonly source: number;
  /** GEOSEARCHSTORE: argument with the key that gets the result; 0: there is none. */
  readonly target: number;
  /** Whether STORE and STOREDIST may be given. */
  readonly mayStore: boolean;
}

export interface Search {
  readonly shape: GeoShape;
  order: "none" | "ascending" | "descending";
  /** 0: all. */
  count: number;
  /** The first places found will do. */
  any: boolean;
  withDistance: boolean;
  withHash: boolean;
  withPlace: boolean;
  /** Argument with the key that gets the result, 0: it is the reply. */
  target: number;
  storesDistance: boolean;
  /** What storing is called among keyspace events. */
  readonly event: string;
  from: "nothing" | "member" | "place";
  by: "nothing" | "radius" | "box";
}

/** What an option reads from and writes to. `set` is undefined if there is no such key: members are not looked up then. */
interface Reading {
  readonly call: Call;
  readonly search: Search;
  readonly set: SortedSetValue | undefined;
}

interface SearchOption {
  /** Arguments that belong to it. */
  readonly values: number;
  /** What must not have been said before. */
  readonly isRefused?: (search: Search) => boolean;
  readonly read: (reading: Reading, argument: number) => void;
}

type SearchOptions = ReadonlyMap<string, SearchOption>;

const COMMON_OPTIONS: SearchOptions = new Map(
  Object.entries<SearchOption>({
    withdist: flag((search) => (search.withDistance = true)),
    withhash: flag((search) => (search.withHash = true)),
    withcoord: flag((search) => (search.withPlace = true)),
    any: flag((search) => (search.any = true)),
    asc: flag((search) => (search.order = "ascending")),
    desc: flag((search) => (search.order = "descending")),
    count: { values: 1, read: readCount },
  }),
);

const RADIUS_STORE_OPTIONS: SearchOptions = new Map([
  ...COMMON_OPTIONS,
  ...Object.entries<SearchOption>({
    store: { values: 1, read: (reading, argument) => readTarget(reading.search, argument, false) },
    storedist: { values: 1, read: (reading, argument) => readTarget(reading.search, argument, true) },
  }),
]);

const SEARCH_OPTIONS: SearchOptions = new Map([
  ...COMMON_OPTIONS,
  ...Object.entries<SearchOption>({
    frommember: { values: 1, isRefused: ({ from }) => from === "place", read: readMember },
    fromlonlat: { values: 2, isRefused: ({ from }) => from === "member", read: readPlace },
    byradius: { values: 2, isRefused: ({ by }) => by === "box", read: readRadius },
    bybox: { values: 3, isRefused: ({ by }) => by === "radius", read: readBox },
  }),
]);

const SEARCH_STORE_OPTIONS: SearchOptions = new Map([
  ...SEARCH_OPTIONS,
  ...Object.entries<SearchOption>({
    storedist: flag((search) => (search.storesDistance = true)),
  }),
]);

function flag(set: (search: Search) => void): SearchOption {
  return { values: 0, read: ({ search }) => set(search) };
}

export function searchArguments(call: Call, kind: SearchKind, set: SortedSetValue | undefined): Search {
  const search = emptySearch(kind);
  const reading = { call, search, set };
  const options = optionsOf(kind);
  for (let i = readFixed(reading, kind); i < call.argc; i++) {
    const option = options.get(call.text(i).toLowerCase());
    const isFit = option !== undefined && i + option.values < call.argc && option.isRefused?.(search) !== true;
    if (!isFit) throw new CommandError(ERRORS.syntax);
    option.read(reading, i + 1);
    i += option.values;
  }
  checkTogether(call, kind, search);
  return search;
}

function optionsOf({ form, target, mayStore }: SearchKind): SearchOptions {
  if (form === "options") return target === 0 ? SEARCH_OPTIONS : SEARCH_STORE_OPTIONS;
  return mayStore ? RADIUS_STORE_OPTIONS : COMMON_OPTIONS;
}

/** Reads what stands at fixed places; gives the argument of the first option. */
function readFixed(reading: Reading, { form, source }: SearchKind): number {
  if (form === "options") return source + 1;
  if (form === "place") {
    readPlace(reading, 2);
    readRadius(reading, 4);
    return 6;
  }
  if (reading.set !== undefined) {
    readMember(reading, 2);
    readRadius(reading, 3);
  }
  return 5;
}

function emptySearch({ form, target }: SearchKind): Search {
  return {
    shape: { longitude: 0, latitude: 0, isBox: false, radius: 0, width: 0, height: 0, unitMeters: 1 },
    order: "none",
    count: 0,
    any: false,
    withDistance: false,
    withHash: false,
    withPlace: false,
    target,
    storesDistance: false,
    event: form === "options" ? "geosearchstore" : "georadiusstore",
    from: "nothing",
    by: "nothing",
  };
}

function checkTogether(call: Call, { form }: SearchKind, search: Search): void {
  if (search.target !== 0 && (search.withDistance || search.withHash || search.withPlace)) {
    const what = form === "options" ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS";
    throw new CommandError(`ERR ${what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options`);
  }
  if (form === "options" && search.from === "nothing") {
    throw new CommandError(`ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ${cString(call.text(0))}`);
  }
  if (form === "options" && search.by === "nothing") {
    throw new CommandError(`ERR exactly one of BYRADIUS and BYBOX can be specified for ${cString(call.text(0))}`);
  }
  if (search.any && search.count === 0) throw new CommandError("ERR the ANY argument requires COUNT argument");
  // The nearest ones are meant, unless any will do.
  if (search.count !== 0 && search.order === "none" && !search.any) search.order = "ascending";
}

function readCount({ call, search }: Reading, argument: number): void {
  search.count = integerArgument(call, argument);
  if (search.count <= 0) throw new CommandError("ERR COUNT must be > 0");
}

function readTarget(search: Search, argument: number, storesDistance: boolean): void {
  search.target = argument;
  search.storesDistance = storesDistance;
}

function readMember({ call, search, set }: Reading, argument: number): void {
  search.from = "member";
  if (set === undefined) return;
  const score = set.score(call.buffer, call.offset[argument] as number, call.length[argument] as number);
  if (Number.isNaN(score)) throw new CommandError("ERR could not decode requested zset member");
  decodeScore(score, search.shape);
}

function readPlace({ call, search }: Reading, argument: number): void {
  placeArgument(call, argument, search.shape);
  search.from = "place";
}

function readRadius({ call, search }: Reading, argument: number): void {
  const { shape } = search;
  shape.radius = numberArgument(call, argument, "ERR need numeric radius");
  if (shape.radius < 0) throw new CommandError("ERR radius cannot be negative");
  shape.unitMeters = unitArgument(call, argument + 1);
  search.by = "radius";
}

function readBox({ call, search }: Reading, argument: number): void {
  const { shape } = search;
  shape.width = numberArgument(call, argument, "ERR need numeric width");
  shape.height = numberArgument(call, argument + 1, "ERR need numeric height");
  if (shape.width < 0 || shape.height < 0) throw new CommandError("ERR height or width cannot be negative");
  shape.unitMeters = unitArgument(call, argument + 2);
  shape.isBox = true;
  search.by = "box";
}
