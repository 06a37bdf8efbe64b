/**
 * Sorting of Int32Arrays by a comparison, so far as a reply needs it. `sortStably` keeps the order of equal elements.
 * `sortRange` only puts the elements of one range in their places, and equal elements in the places where redis-server
 * puts them: it is the quicksort of Bentley and McIlroy ("Engineering a sort function") that leaves out the parts beyond
 * the range. Input made to slow it down ends in the stable sort.
 */

export type Comparison = (left: number, right: number) => number;

const INSERTION_BELOW = 7;
const NINTHER_ABOVE = 40;

export function sortStably(items: Int32Array, compare: Comparison): void {
  items.sort(compare);
}

/** Sorts so far that the elements `first` to `last` are those of the sorted array. */
export function sortRange(items: Int32Array, compare: Comparison, first: number, last: number): void {
  const depth = 2 * Math.ceil(Math.log2(items.length + 2)) + 8;
  new RangeSort(items, compare, first, last).sort(0, items.length, depth);
}

class RangeSort {
  readonly #items: Int32Array;
  readonly #compare: Comparison;
  readonly #first: number;
  readonly #last: number;

  constructor(items: Int32Array, compare: Comparison, first: number, last: number) {
    this.#items = items;
    this.#compare = compare;
    this.#first = first;
    this.#last = last;
  }

  sort(start: number, count: number, depth: number): void {
    for (; count >= INSERTION_BELOW; depth--) {
      if (depth < 0) {
        sortStably(this.#items.subarray(start, start + count), this.#compare);
        return;
      }
      this.#swap(start, this.#pivot(start, count));
      const { below, above } = this.#partition(start, count);
      if (below > 1 && this.#isWanted(start, below)) this.sort(start, below, depth - 1);
      const next = start + count - above;
      if (above <= 1 || !this.#isWanted(next, above)) return;
      start = next;
      count = above;
    }
    this.#insertionSort(start, count);
  }

  #isWanted(start: number, count: number): boolean {
    return this.#last >= start && this.#first < start + count;
  }

  #insertionSort(start: number, count: number): void {
    const items = this.#items;
    for (let i = start + 1; i < start + count; i++) {
      for (let j = i; j > start && this.#compare(items[j - 1] as number, items[j] as number) > 0; j--)
        this.#swap(j, j - 1);
    }
  }

  #pivot(start: number, count: number): number {
    let middle = start + (count >>> 1);
    if (count <= INSERTION_BELOW) return middle;
    let low = start;
    let high = start + count - 1;
    if (count > NINTHER_ABOVE) {
      const eighth = count >>> 3;
      low = this.#median(low, low + eighth, low + 2 * eighth);
      middle = this.#median(middle - eighth, middle, middle + eighth);
      high = this.#median(high - 2 * eighth, high - eighth, high);
    }
    return this.#median(low, middle, high);
  }

  #median(a: number, b: number, c: number): number {
    const items = this.#items;
    const [x, y, z] = [items[a] as number, items[b] as number, items[c] as number];
    if (this.#compare(x, y) < 0) {
      if (this.#compare(y, z) < 0) return b;
      return this.#compare(x, z) < 0 ? c : a;
    }
    if (this.#compare(y, z) > 0) return b;
    return this.#compare(x, z) < 0 ? a : c;
  }

  /** Around the pivot at `start`: equal ones gather at both ends and are then swapped into the middle. */
  #partition(start: number, count: number): { below: number; above: number } {
    const items = this.#items;
    const end = start + count;
    const pivot = items[start] as number;
    let equalLeft = start + 1;
    let left = start + 1;
    let right = end - 1;
    let equalRight = end - 1;
    for (;;) {
      for (; left <= right; left++) {
        const order = this.#compare(items[left] as number, pivot);
        if (order > 0) break;
        if (order === 0) this.#swap(equalLeft++, left);
      }
      for (; left <= right; right--) {
        const order = this.#compare(items[right] as number, pivot);
        if (order < 0) break;
        if (order === 0) this.#swap(right, equalRight--);
      }
      if (left > right) break;
      this.#swap(left++, right--);
    }
    const below = left - equalLeft;
    const above = equalRight - right;
    this.#swapRuns(start, left, Math.min(equalLeft - start, below));
    this.#swapRuns(left, end, Math.min(above, end - equalRight - 1));
    return { below, above };
  }

  /** Exchanges `count` elements from `first` on with those before `end`. */
  #swapRuns(first: number, end: number, count: number): void {
    for (let k = 0; k < count; k++) this.#swap(first + k, end - count + k);
  }

  #swap(a: number, b: number): void {
    const items = this.#items;
    const kept = items[a] as number;
    items[a] = items[b] as number;
    items[b] = kept;
  }
}
