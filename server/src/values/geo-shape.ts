/**
 * The shapes of geographic searches, a circle or a box around a place, and the cells of the geohash grid that cover one.
 * Arithmetic, constants and the order of the nine cells are Redis', because results without a wished order come in the
 * order in which the cells are gone through, and because a place on the edge must be in or out on both.
 */

import { exactArcSine, exactCosine, exactSine } from "./exact-trigonometry.ts";
import {
  type Cell,
  cellAt,
  type Edges,
  edgesOf,
  endScore,
  FINEST_STEP,
  firstScore,
  neighbour,
  type Place,
} from "./geohash.ts";

const EARTH_RADIUS_METERS = 6372797.560856;
/** Half of the equator in the map's projection. */
const LARGEST_MERCATOR_METERS = 20037726.37;
const RADIANS = Math.PI / 180;
/** Near the poles columns are narrow, so cells must be larger. */
const NORTHERN_LATITUDE = 66;
const POLAR_LATITUDE = 80;

export interface GeoShape {
  longitude: number;
  latitude: number;
  isBox: boolean;
  /** In the unit of the request, as width and height. */
  radius: number;
  width: number;
  height: number;
  /** Meters of a unit. */
  unitMeters: number;
}

/** A range of scores, the end not included. */
export interface ScoreRange {
  readonly first: number;
  readonly end: number;
}

/** Distance in meters on a sphere, by the haversine formula. */
export function distanceMeters(longitude1: number, latitude1: number, longitude2: number, latitude2: number): number {
  const lat1 = latitude1 * RADIANS;
  const lat2 = latitude2 * RADIANS;
  const u = Math.sin((lat2 - lat1) / 2);
  const v = Math.sin((longitude2 * RADIANS - longitude1 * RADIANS) / 2);
  return 2 * EARTH_RADIUS_METERS * Math.asin(Math.sqrt(u * u + Math.cos(lat1) * Math.cos(lat2) * v * v));
}

/** The same with functions rounded correctly: for distances that are stored with all their digits. */
export function exactDistanceMeters(from: Place, to: Place): number {
  const lat1 = from.latitude * RADIANS;
  const lat2 = to.latitude * RADIANS;
  const u = exactSine((lat2 - lat1) / 2);
  const v = exactSine((to.longitude * RADIANS - from.longitude * RADIANS) / 2);
  const chord = Math.sqrt(u * u + exactCosine(lat1) * exactCosine(lat2) * v * v);
  return 2 * EARTH_RADIUS_METERS * exactArcSine(chord);
}

/** The distance in meters of a place from the middle of the shape, NaN if the place is outside. */
export function distanceInside(shape: GeoShape, { longitude, latitude }: Place): number {
  if (shape.isBox) {
    const northward = distanceMeters(longitude, latitude, longitude, shape.latitude);
    if (northward > (shape.height * shape.unitMeters) / 2) return Number.NaN;
    const eastward = distanceMeters(longitude, latitude, shape.longitude, latitude);
    if (eastward > (shape.width * shape.unitMeters) / 2) return Number.NaN;
  }
  const distance = distanceMeters(shape.longitude, shape.latitude, longitude, latitude);
  return !shape.isBox && distance > shape.radius * shape.unitMeters ? Number.NaN : distance;
}

/** Ranges of scores that hold all places in the shape, in the order of the search. */
export function rangesCovering(shape: GeoShape): ScoreRange[] {
  const cells = cellsCovering(shape);
  const ranges: ScoreRange[] = [];
  let last: Cell | undefined;
  for (const [index, cell] of cells.entries()) {
    if (cell === undefined) continue;
    // Around the world neighbours may be the same cell; the middle itself is not compared.
    const isSame = last !== undefined && cell.column === last.column && cell.row === last.row;
    if (isSame) continue;
    ranges.push({ first: firstScore(cell), end: endScore(cell) });
    if (index > 0) last = cell;
  }
  return ranges;
}

/** Steps east and north to the nine cells, in the order in which they are searched. */
const NINE: readonly (readonly [east: number, north: number])[] = [
  ...([[0, 0]] as const),
  ...([
    [0, 1],
    [0, -1],
    [1, 0],
    [-1, 0],
  ] as const),
  ...([
    [1, 1],
    [-1, 1],
    [1, -1],
    [-1, -1],
  ] as const),
];

/** The cell of the middle and its eight neighbours, undefined where the shape does not reach. */
function cellsCovering(shape: GeoShape): (Cell | undefined)[] {
  const { longitude, latitude } = shape;
  const bounds = boundsOf(shape);
  let step = stepFor(reachMeters(shape), latitude);
  let middle = cellAt(longitude, latitude, step);
  if (step > 1 && !isEnough(middle, bounds)) middle = cellAt(longitude, latitude, --step);
  const edges = edgesOf(middle);
  return NINE.map(([east, north]) => {
    const isNeeded = step < 2 || !isBeyond(edges, bounds, east, north);
    return isNeeded ? neighbour(middle, east, north) : undefined;
  });
}

/** The largest distance from the middle to a place of the shape. */
function reachMeters(shape: GeoShape): number {
  const { width, height } = shape;
  const reach = shape.isBox ? Math.sqrt((width / 2) * (width / 2) + (height / 2) * (height / 2)) : shape.radius;
  return reach * shape.unitMeters;
}

/** The step of cells so large that nine of them mostly cover a circle. */
function stepFor(meters: number, latitude: number): number {
  if (meters === 0) return FINEST_STEP;
  let step = 1;
  for (let reach = meters; reach < LARGEST_MERCATOR_METERS; reach *= 2) step++;
  step -= 2;
  const fromEquator = Math.abs(latitude);
  if (fromEquator > NORTHERN_LATITUDE) step--;
  if (fromEquator > POLAR_LATITUDE) step--;
  return Math.min(FINEST_STEP, Math.max(1, step));
}

function boundsOf(shape: GeoShape): Edges {
  const { longitude, latitude, unitMeters } = shape;
  const height = unitMeters * (shape.isBox ? shape.height / 2 : shape.radius);
  const width = unitMeters * (shape.isBox ? shape.width / 2 : shape.radius);
  const latitudes = height / EARTH_RADIUS_METERS / RADIANS;
  // The edge that is farther from the equator spans more degrees.
  const edge = latitude < 0 ? latitude - latitudes : latitude + latitudes;
  const longitudes = width / EARTH_RADIUS_METERS / Math.cos(edge * RADIANS) / RADIANS;
  return {
    west: longitude - longitudes,
    east: longitude + longitudes,
    south: latitude - latitudes,
    north: latitude + latitudes,
  };
}

function isEnough(middle: Cell, bounds: Edges): boolean {
  return (
    edgesOf(neighbour(middle, 0, 1)).north >= bounds.north &&
    edgesOf(neighbour(middle, 0, -1)).south <= bounds.south &&
    edgesOf(neighbour(middle, 1, 0)).east >= bounds.east &&
    edgesOf(neighbour(middle, -1, 0)).west <= bounds.west
  );
}

/** Whether the middle cell alone already reaches beyond the bounds on that side. */
function isBeyond(middle: Edges, bounds: Edges, east: number, north: number): boolean {
  return (
    (north < 0 && middle.south < bounds.south) ||
    (north > 0 && middle.north > bounds.north) ||
    (east < 0 && middle.west < bounds.west) ||
    (east > 0 && middle.east > bounds.east)
  );
}
