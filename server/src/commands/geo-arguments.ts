/** Arguments and replies that the geographic commands share: places, distances, units. */

import { formatExactly } from "../memory/double-decimals.ts";
import { parseDouble } from "../memory/double-parse.ts";
import { isOnMap, type Place } from "../values/geohash.ts";
import type { Call } from "./call.ts";
import { CommandError, ERRORS } from "./errors.ts";

const METERS_OF_UNIT: ReadonlyMap<string, number> = new Map([
  ["m", 1],
  ["km", 1000],
  ["ft", 0.3048],
  ["mi", 1609.34],
]);
const DISTANCE_DECIMALS = 4;
const COORDINATE_DECIMALS = 17;
const ERROR_DECIMALS = 6;

/** Meters of the unit that an argument names. */
export function unitArgument(call: Call, argument: number): number {
  const meters = METERS_OF_UNIT.get(call.text(argument).toLowerCase());
  if (meters === undefined) throw new CommandError("ERR unsupported unit provided. please use M, KM, FT, MI");
  return meters;
}

/** A number that may be refused in the words given. */
export function numberArgument(call: Call, argument: number, error: string = ERRORS.notFloat): number {
  const value = parseDouble(call.buffer, call.offset[argument] as number, call.length[argument] as number);
  if (Number.isNaN(value)) throw new CommandError(error);
  return value;
}

/** Reads longitude and latitude from this argument on. */
export function placeArgument(call: Call, argument: number, place: Place): void {
  place.longitude = numberArgument(call, argument);
  place.latitude = numberArgument(call, argument + 1);
  if (isOnMap(place.longitude, place.latitude)) return;
  const pair = [place.longitude, place.latitude].map((value) => formatExactly(value, ERROR_DECIMALS));
  throw new CommandError(`ERR invalid longitude,latitude pair ${pair.join(",")}`);
}

/** Appends the two coordinates: as text in RESP2, as doubles in RESP3. */
export function replyPlace(call: Call, { longitude, latitude }: Place): void {
  call.reply.array(2);
  call.reply.doubleText(coordinateText(longitude));
  call.reply.doubleText(coordinateText(latitude));
}

export function replyDistance(call: Call, distance: number): void {
  call.reply.bulkString(formatExactly(distance, DISTANCE_DECIMALS));
}

function coordinateText(degrees: number): string {
  const text = formatExactly(degrees, COORDINATE_DECIMALS).replace(/\.?0+$/, "");
  return text === "-0" ? "0" : text;
}
