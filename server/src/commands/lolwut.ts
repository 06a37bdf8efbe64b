/**
 * LOLWUT: a drawing for the terminal, of no use to anybody. VERSION 5 gives polygons in Braille dots, whose corners become
 * more from row to row; VERSION 6 a town at night in shades of grey. The last line names the version.
 */

import { COMPATIBLE_VERSION, PRODUCT_NAME, PRODUCT_VERSION } from "../observability/product.ts";
import type { Random } from "../platform/random.ts";
import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";

interface Drawing {
  /** Of each argument: what it is if it is not given, and the most that it may be. */
  readonly sizes: readonly (readonly [initial: number, most: number])[];
  readonly draw: (sizes: readonly number[], random: Random) => string;
}

const DRAWINGS: ReadonlyMap<number, Drawing> = new Map([
  [
    5,
    {
      sizes: [
        [66, 1000],
        [8, 200],
        [12, 200],
      ],
      draw: ([columns = 0, across = 0, down = 0], random) => polygons({ columns, across, down }, random),
    },
  ],
  [
    6,
    {
      sizes: [
        [80, 1000],
        [20, 1000],
      ],
      draw: ([columns = 0, rows = 0], random) => townAtNight({ columns, rows }, random),
    },
  ],
]);

export function lolwut(call: Call): void {
  const isVersionGiven = call.argc >= 3 && call.is(1, "version");
  const version = isVersionGiven ? integerArgument(call, 2) : 0;
  const first = isVersionGiven ? 3 : 1;
  const drawing = DRAWINGS.get(version);
  const sizes = (drawing?.sizes ?? []).map(([initial, most], index) => {
    const wanted = first + index < call.argc ? integerArgument(call, first + index) : initial;
    return Math.min(Math.max(wanted, 1), most);
  });
  const picture = drawing === undefined ? "" : `${drawing.draw(sizes, call.server.random)}\n`;
  call.reply.verbatim(`${picture}${PRODUCT_NAME} ${PRODUCT_VERSION}, Redis ver. ${COMPATIBLE_VERSION}\n`);
}

const BRAILLE = 0x2800;
const DOTS_ACROSS = 2;
const DOTS_DOWN = 4;
/** The bit of each dot of a Braille character, from the left and from above. */
const DOT_BITS: readonly (readonly number[])[] = [
  [0, 1, 2, 6],
  [3, 4, 5, 7],
];

class Dots {
  readonly #columns: number;
  readonly #cells: Uint8Array;

  constructor(columns: number, rows: number) {
    this.#columns = columns;
    this.#cells = new Uint8Array(columns * rows);
  }

  set(x: number, y: number): void {
    const [column, row] = [Math.floor(x / DOTS_ACROSS), Math.floor(y / DOTS_DOWN)];
    const cell = row * this.#columns + column;
    if (column < 0 || column >= this.#columns || row < 0 || cell >= this.#cells.length) return;
    const bit = DOT_BITS[x - column * DOTS_ACROSS]?.[y - row * DOTS_DOWN] ?? 0;
    this.#cells[cell] = (this.#cells[cell] as number) | (1 << bit);
  }

  line(fromX: number, fromY: number, toX: number, toY: number): void {
    const steps = Math.ceil(Math.max(Math.abs(toX - fromX), Math.abs(toY - fromY), 1));
    for (let step = 0; step <= steps; step++) {
      const share = step / steps;
      this.set(Math.round(fromX + (toX - fromX) * share), Math.round(fromY + (toY - fromY) * share));
    }
  }

  toString(): string {
    let text = "";
    for (let start = 0; start < this.#cells.length; start += this.#columns) {
      const row = this.#cells.subarray(start, start + this.#columns);
      text += `${String.fromCharCode(...Array.from(row, (dots) => BRAILLE + dots))}\n`;
    }
    return text;
  }
}

function polygons(
  { columns, across, down }: { readonly columns: number; readonly across: number; readonly down: number },
  random: Random,
): string {
  const side = (columns * DOTS_ACROSS) / across;
  const dots = new Dots(columns, Math.ceil((side * down) / DOTS_DOWN));
  const radius = side * 0.45;
  for (let row = 0; row < down; row++) {
    const corners = 3 + row;
    for (let column = 0; column < across; column++) {
      const turn = (random.below(1000) / 1000) * 2 * Math.PI;
      const at = (corner: number): [number, number] => {
        const angle = turn + (corner * 2 * Math.PI) / corners;
        return [(column + 0.5) * side + radius * Math.cos(angle), (row + 0.5) * side + radius * Math.sin(angle)];
      };
      for (let corner = 0; corner < corners; corner++) dots.line(...at(corner), ...at(corner + 1));
    }
  }
  return dots.toString();
}

/** Backgrounds of the terminal. */
const SKY = "\x1b[40m";
const WALL = "\x1b[100m";
const WINDOW = "\x1b[107m";
const PLAIN = "\x1b[0m";
const LIT_ONE_IN = 4;

function townAtNight({ columns, rows }: { readonly columns: number; readonly rows: number }, random: Random): string {
  const heights: number[] = [];
  while (heights.length < columns) {
    const height = random.below(Math.max(1, Math.floor(rows * 0.8)));
    const width = 3 + 2 * random.below(4);
    for (let i = 0; i < width; i++) heights.push(i === 0 ? 0 : height);
  }
  let text = "";
  for (let row = rows; row > 0; row--) {
    for (let column = 0; column < columns; column++) {
      const height = heights[column] as number;
      const isWindow = row < height && row % 2 === 0 && column % 2 === 0 && random.below(LIT_ONE_IN) === 0;
      text += `${row > height ? SKY : isWindow ? WINDOW : WALL} `;
    }
    text += `${PLAIN}\n`;
  }
  return text;
}
