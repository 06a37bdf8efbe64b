/**
 * Places on earth as 52-bit integers: 26 bits of latitude and 26 of longitude in turn, so that places near one another
 * mostly have near numbers, and a rectangle of the map is one range of them. The numbers are the scores of a sorted set.
 * Bit pairs are worked on as two 32-bit halves; a score of any other origin decodes as C casts it to an unsigned integer.
 */

export const LARGEST_LATITUDE = 85.05112878;
export const LARGEST_LONGITUDE = 180;
/** The finest cells: 26 bits of each coordinate. */
export const FINEST_STEP = 26;

const TWO_32 = 0x1_0000_0000;
const ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz";
const CHARACTERS = 10;

/** A cell of the grid of 2^step columns and rows. On the very edge of the map a coordinate may be one too large. */
export interface Cell {
  readonly step: number;
  readonly column: number;
  readonly row: number;
}

/** The edges of a cell in degrees. */
export interface Edges {
  readonly west: number;
  readonly east: number;
  readonly south: number;
  readonly north: number;
}

/** A place, overwritten by each decoding. */
export interface Place {
  longitude: number;
  latitude: number;
}

export function isOnMap(longitude: number, latitude: number): boolean {
  return Math.abs(longitude) <= LARGEST_LONGITUDE && Math.abs(latitude) <= LARGEST_LATITUDE;
}

export function cellAt(longitude: number, latitude: number, step: number, topLatitude = LARGEST_LATITUDE): Cell {
  const cells = 2 ** step;
  const row = Math.floor(((latitude + topLatitude) / (topLatitude * 2)) * cells);
  const column = Math.floor(((longitude + LARGEST_LONGITUDE) / (LARGEST_LONGITUDE * 2)) * cells);
  return { step, column, row };
}

/** The cell so many columns east and rows north, round the world; only a coordinate that moves is brought back on the map. */
export function neighbour(cell: Cell, east: number, north: number): Cell {
  const mask = 2 ** cell.step - 1;
  return {
    step: cell.step,
    column: east === 0 ? cell.column : (cell.column + east) & mask,
    row: north === 0 ? cell.row : (cell.row + north) & mask,
  };
}

export function edgesOf({ step, column, row }: Cell): Edges {
  const cells = 2 ** step;
  const width = LARGEST_LONGITUDE * 2;
  const height = LARGEST_LATITUDE * 2;
  return {
    south: -LARGEST_LATITUDE + (row / cells) * height,
    north: -LARGEST_LATITUDE + ((row + 1) / cells) * height,
    west: -LARGEST_LONGITUDE + (column / cells) * width,
    east: -LARGEST_LONGITUDE + ((column + 1) / cells) * width,
  };
}

/** The lowest score in a cell. */
export function firstScore(cell: Cell): number {
  return scoreFrom(cell, 0);
}

/** The score behind all those in a cell. */
export function endScore(cell: Cell): number {
  return scoreFrom(cell, 1);
}

export function scoreOfPlace(longitude: number, latitude: number): number {
  return firstScore(cellAt(longitude, latitude, FINEST_STEP));
}

/** The place in the middle of the finest cell that a score stands for. */
export function decodeScore(score: number, place: Place): void {
  const whole = Math.trunc(score);
  const isOrdinary = whole >= 0 && whole < 2 ** 53;
  const high = isOrdinary ? Math.floor(whole / TWO_32) : upperHalf(score);
  const low = isOrdinary ? whole % TWO_32 : lowerHalf(score);
  const row = (gather(low) | (gather(high) << 16)) >>> 0;
  const column = (gather(low >>> 1) | (gather(high >>> 1) << 16)) >>> 0;
  const cells = 2 ** FINEST_STEP;
  const width = LARGEST_LONGITUDE * 2;
  const height = LARGEST_LATITUDE * 2;
  const south = -LARGEST_LATITUDE + (row / cells) * height;
  const north = -LARGEST_LATITUDE + (((row + 1) >>> 0) / cells) * height;
  const west = -LARGEST_LONGITUDE + (column / cells) * width;
  const east = -LARGEST_LONGITUDE + (((column + 1) >>> 0) / cells) * width;
  place.longitude = bounded((west + east) / 2, LARGEST_LONGITUDE);
  place.latitude = bounded((south + north) / 2, LARGEST_LATITUDE);
}

/** Eleven characters as other systems write a geohash: over all latitudes, the last character always 0. */
export function geohashText({ longitude, latitude }: Place): string {
  const { column, row } = cellAt(longitude, latitude, FINEST_STEP, 90);
  const bits = (BigInt(interleaveHigh(column, row)) << 32n) | BigInt(interleaveLow(column, row));
  let text = "";
  for (let k = 1; k <= CHARACTERS; k++) text += ALPHABET[Number((bits >> BigInt(52 - k * 5)) & 31n)];
  return `${text}0`;
}

function bounded(value: number, largest: number): number {
  return Math.max(-largest, Math.min(largest, value));
}

function scoreFrom({ step, column, row }: Cell, plus: number): number {
  return (interleaveHigh(column, row) * TWO_32 + (interleaveLow(column, row) + plus)) * 4 ** (FINEST_STEP - step);
}

function interleaveLow(column: number, row: number): number {
  return (spread(row & 0xffff) | (spread(column & 0xffff) << 1)) >>> 0;
}

function interleaveHigh(column: number, row: number): number {
  return (spread(row >>> 16) | (spread(column >>> 16) << 1)) >>> 0;
}

/** 16 bits to the even places of 32. */
function spread(value: number): number {
  let x = (value | (value << 8)) & 0x00ff00ff;
  x = (x | (x << 4)) & 0x0f0f0f0f;
  x = (x | (x << 2)) & 0x33333333;
  return (x | (x << 1)) & 0x55555555;
}

/** The even bits of 32 side by side. */
function gather(value: number): number {
  let x = value & 0x55555555;
  x = (x | (x >>> 1)) & 0x33333333;
  x = (x | (x >>> 2)) & 0x0f0f0f0f;
  x = (x | (x >>> 4)) & 0x00ff00ff;
  return (x | (x >>> 8)) & 0xffff;
}

function upperHalf(score: number): number {
  return Number(castToUnsigned(score) >> 32n);
}

function lowerHalf(score: number): number {
  return Number(castToUnsigned(score) & 0xffffffffn);
}

const INDEFINITE = 1n << 63n;

/** As the processors of most servers convert a double to 64 bits without sign, also where C leaves it open. */
function castToUnsigned(score: number): bigint {
  if (score >= 2 ** 64) return 0n;
  if (score < -(2 ** 63)) return INDEFINITE;
  return BigInt.asUintN(64, BigInt(Math.trunc(score)));
}
