/** Against sines from series of exact fractions. */

import { expect, test } from "vitest";
import { createSeededRandom } from "../platform/random.ts";
import { exactArcSine, exactCosine, exactSine } from "./exact-trigonometry.ts";

const ONE = 1n << 200n;

/** A double as a multiple of 2^-200, exact for those of ordinary size. */
function fixed(value: number): bigint {
  return (BigInt(value * 2 ** 100) * ONE) >> 100n;
}

/** The double nearest to a multiple of 2^-200: what is closer than its neighbours. */
function isNearest(candidate: number, exact: bigint): boolean {
  const distance = (value: number): bigint => {
    const difference = fixed(value) - exact;
    return difference < 0n ? -difference : difference;
  };
  const ulp = 2 ** (Math.floor(Math.log2(Math.abs(candidate))) - 52);
  return distance(candidate) <= distance(candidate + ulp) && distance(candidate) <= distance(candidate - ulp);
}

function exactSeries(angle: bigint, first: bigint): bigint {
  let term = first === 1n ? angle : ONE;
  let sum = term;
  for (let n = first + 1n; term !== 0n; n += 2n) {
    term = -((((term * angle) >> 200n) * angle) >> 200n) / (n * (n + 1n));
    sum += term;
  }
  return sum;
}

test("sine, cosine and arc sine are the nearest doubles", () => {
  const random = createSeededRandom(5);
  for (let k = 0; k < 3000; k++) {
    const angle = (random.below(2 ** 31) / 2 ** 31) * 3.1 + random.below(1000) * 2 ** -52;
    if (angle < 0.001) continue;
    expect(isNearest(exactSine(angle), exactSeries(fixed(angle), 1n))).toBe(true);
    expect(exactSine(-angle)).toBe(-exactSine(angle));
    expect(isNearest(exactCosine(angle), exactSeries(fixed(angle), 0n))).toBe(true);
    // The arc whose sine is the value: sine grows from the half unit below to the half unit above.
    const value = 0.001 + (random.below(2 ** 31) / 2 ** 31) * 0.99;
    const arc = exactArcSine(value);
    const half = fixed(2 ** (Math.floor(Math.log2(arc)) - 53));
    expect(exactSeries(fixed(arc) - half, 1n) <= fixed(value)).toBe(true);
    expect(exactSeries(fixed(arc) + half, 1n) >= fixed(value)).toBe(true);
  }
});
