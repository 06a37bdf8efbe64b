/**
 * Numbers for records, so that whoever refers to a record need not be found when the record moves: i32 numbers given so
 * far, capacity, first free number (0: none), then for each number from 1 on the record's handle, or, where it is free,
 * the next free number made negative. Taking a number may move the table, so it returns the handle.
 */

import type { Arena } from "../memory/arena.ts";

const TABLE_HEAD = 3;
const CAPACITY = 1;
const FREE = 2;
const FIRST_CAPACITY = 3;

export class SlotTable {
  /** The number that `add` gave. */
  added = 0;
  readonly #arena: Arena;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  create(): number {
    const table = this.#arena.allocate((TABLE_HEAD + FIRST_CAPACITY) * 4);
    this.#set(table, 0, 0);
    this.#set(table, CAPACITY, FIRST_CAPACITY);
    this.#set(table, FREE, 0);
    return table;
  }

  /** The record with this number. */
  at(table: number, number: number): number {
    return this.#get(table, TABLE_HEAD - 1 + number);
  }

  replace(table: number, number: number, record: number): void {
    this.#set(table, TABLE_HEAD - 1 + number, record);
  }

  /** Gives a record a number, which `added` tells; returns the table. */
  add(table: number, record: number): number {
    let number = this.#get(table, FREE);
    if (number !== 0) this.#set(table, FREE, -this.at(table, number));
    else {
      number = this.#get(table, 0) + 1;
      const capacity = this.#get(table, CAPACITY);
      if (number > capacity) {
        table = this.#arena.reallocate(table, (TABLE_HEAD + capacity) * 4, (TABLE_HEAD + capacity * 2) * 4);
        this.#set(table, CAPACITY, capacity * 2);
      }
      this.#set(table, 0, number);
    }
    this.replace(table, number, record);
    this.added = number;
    return table;
  }

  /** The number may be given to another record. */
  remove(table: number, number: number): void {
    this.replace(table, number, -this.#get(table, FREE));
    this.#set(table, FREE, number);
  }

  #get(handle: number, word: number): number {
    return (this.#arena.words[handle >>> 23] as Int32Array)[((handle & 0x7fffff) << 1) + word] as number;
  }

  #set(handle: number, word: number, value: number): void {
    (this.#arena.words[handle >>> 23] as Int32Array)[((handle & 0x7fffff) << 1) + word] = value;
  }
}
