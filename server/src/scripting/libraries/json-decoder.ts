/**
 * JSON text as Lua values. As lenient as lua-cjson: numbers are what C's strtod takes, and after a number anything may
 * follow that makes sense there. Errors name what was expected, what was found, and where.
 */

import type { LuaMachine, State } from "../lua-machine.ts";
import { ByteBuilder } from "./byte-builder.ts";
import type { JsonSettings } from "./json-settings.ts";

const QUOTE = 34;
const BACKSLASH = 92;
const STRUCTURE: Readonly<Record<string, string>> = {
  "{": "T_OBJ_BEGIN",
  "}": "T_OBJ_END",
  "[": "T_ARR_BEGIN",
  "]": "T_ARR_END",
  ":": "T_COLON",
  ",": "T_COMMA",
};
const NUMBER = /[+-]?(?:0x[0-9a-f]+|inf(?:inity)?|nan|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)/iy;
const NEEDS_LENIENCE = /\+|-?(?:0[x0-9]|inf|nan)/iy;
const WORD = /true|false|null/y;
const SPACES = /[ \t\n\r]*/y;
const ESCAPES: Readonly<Record<string, number>> = { '"': 34, "\\": 92, "/": 47, b: 8, t: 9, n: 10, f: 12, r: 13 };

export class JsonDecoder {
  readonly #machine: LuaMachine;
  readonly #settings: JsonSettings;
  readonly #string = new ByteBuilder();
  /** One character a byte. */
  #text = "";
  #position = 0;
  #token = "";
  #tokenAt = 0;
  #number = 0;
  /** What is wrong with a token of type T_ERROR. */
  #problem = "";

  constructor(machine: LuaMachine, settings: JsonSettings) {
    this.#machine = machine;
    this.#settings = settings;
  }

  decode(state: State): number {
    const machine = this.#machine;
    const address = machine.api.luaL_checklstring(state, 1, machine.lengthAt);
    this.#text = machine.heap.toString("latin1", address, address + machine.length);
    this.#position = 0;
    if (this.#text.length >= 2 && (this.#text[0] === "\0" || this.#text[1] === "\0")) {
      machine.raiseAt(state, "JSON parser does not support UTF-16 or UTF-32");
    }
    this.#next();
    this.#value(state, 0);
    this.#next();
    if (this.#token !== "T_END") this.#fail(state, "the end");
    this.#text = "";
    return 1;
  }

  #fail(state: State, expected: string): void {
    const found = this.#token === "T_ERROR" ? this.#problem : this.#token;
    this.#machine.raiseAt(state, `Expected ${expected} but found ${found} at character ${this.#tokenAt + 1}`);
  }

  #value(state: State, depth: number): void {
    const { api } = this.#machine;
    switch (this.#token) {
      case "T_STRING":
        this.#string.push(this.#machine, state);
        break;
      case "T_NUMBER":
        api.lua_pushnumber(state, this.#number);
        break;
      case "T_BOOLEAN":
        api.lua_pushboolean(state, this.#number);
        break;
      case "T_NULL":
        api.lua_pushlightuserdata(state, 0);
        break;
      case "T_OBJ_BEGIN":
        this.#object(state, depth + 1);
        break;
      case "T_ARR_BEGIN":
        this.#array(state, depth + 1);
        break;
      default:
        this.#fail(state, "value");
    }
  }

  #descend(state: State, depth: number): void {
    const { api } = this.#machine;
    if (depth <= this.#settings.decodeDepth && api.lua_checkstack(state, 3) !== 0) return;
    const at = this.#position;
    this.#machine.raiseAt(state, `Found too many nested data structures (${depth}) at character ${at}`);
  }

  #object(state: State, depth: number): void {
    const { api } = this.#machine;
    this.#descend(state, depth);
    api.lua_createtable(state, 0, 0);
    this.#next();
    if (this.#token === "T_OBJ_END") return;
    for (;;) {
      if (this.#token !== "T_STRING") this.#fail(state, "object key string");
      this.#string.push(this.#machine, state);
      this.#next();
      if (this.#token !== "T_COLON") this.#fail(state, "colon");
      this.#next();
      this.#value(state, depth);
      api.lua_rawset(state, -3);
      this.#next();
      if (this.#token === "T_OBJ_END") return;
      if (this.#token !== "T_COMMA") this.#fail(state, "comma or object end");
      this.#next();
    }
  }

  #array(state: State, depth: number): void {
    const { api } = this.#machine;
    this.#descend(state, depth);
    api.lua_createtable(state, 0, 0);
    this.#next();
    if (this.#token === "T_ARR_END") return;
    for (let i = 1; ; i++) {
      this.#value(state, depth);
      api.lua_rawseti(state, -2, i);
      this.#next();
      if (this.#token === "T_ARR_END") return;
      if (this.#token !== "T_COMMA") this.#fail(state, "comma or array end");
      this.#next();
    }
  }

  #next(): void {
    this.#take(SPACES);
    const at = this.#position;
    this.#tokenAt = at;
    const first = this.#text[at];
    if (first === undefined || first === "\0") {
      this.#token = first === undefined ? "T_END" : this.#error("invalid token");
      return;
    }
    const structure = STRUCTURE[first];
    if (structure !== undefined) {
      this.#token = structure;
      this.#position++;
    } else if (first === '"') this.#token = this.#readString();
    else if (first === "-" || (first >= "0" && first <= "9")) this.#token = this.#readNumber(true);
    else this.#token = this.#readWord();
  }

  #readWord(): string {
    const word = this.#take(WORD);
    if (word === undefined) return this.#readNumber(false);
    this.#number = word === "true" ? 1 : 0;
    return word === "null" ? "T_NULL" : "T_BOOLEAN";
  }

  /** Numbers that JSON does not know are taken unless a setting forbids it. */
  #readNumber(isPlain: boolean): string {
    NEEDS_LENIENCE.lastIndex = this.#position;
    const isStrange = NEEDS_LENIENCE.test(this.#text);
    if (isPlain && isStrange && !this.#settings.decodesInvalidNumbers) return this.#error("invalid number");
    if (!isPlain && !(isStrange && this.#settings.decodesInvalidNumbers)) return this.#error("invalid token");
    const digits = this.#take(NUMBER);
    if (digits === undefined) return this.#error("invalid number");
    this.#number = numberOf(digits);
    return "T_NUMBER";
  }

  #error(problem: string): string {
    this.#tokenAt = this.#position;
    this.#problem = problem;
    return "T_ERROR";
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#position += found.length;
    return found;
  }

  #readString(): string {
    const text = this.#text;
    const out = this.#string;
    out.length = 0;
    this.#position++;
    for (;;) {
      const code = text.charCodeAt(this.#position);
      if (code === QUOTE) break;
      if (Number.isNaN(code) || code === 0) return this.#error("unexpected end of string");
      if (code === BACKSLASH) {
        const problem = this.#readEscape();
        if (problem !== undefined) return this.#error(problem);
      } else {
        out.byte(code);
        this.#position++;
      }
    }
    this.#position++;
    return "T_STRING";
  }

  #readEscape(): string | undefined {
    const letter = this.#text[this.#position + 1] ?? "";
    if (letter === "u") return this.#readUnicode();
    const byte = ESCAPES[letter];
    if (byte === undefined) return "invalid escape code";
    this.#string.byte(byte);
    this.#position += 2;
    return undefined;
  }

  #readUnicode(): string | undefined {
    const problem = "invalid unicode escape code";
    let code = this.#hexAt(this.#position + 2);
    if (code === undefined) return problem;
    let length = 6;
    if ((code & 0xf800) === 0xd800) {
      if ((code & 0x400) !== 0 || this.#text.slice(this.#position + 6, this.#position + 8) !== "\\u") return problem;
      const low = this.#hexAt(this.#position + 8);
      if (low === undefined || (low & 0xfc00) !== 0xdc00) return problem;
      code = (((code & 0x3ff) << 10) | (low & 0x3ff)) + 0x10000;
      length = 12;
    }
    this.#string.text(Buffer.from(String.fromCodePoint(code)).toString("latin1"));
    this.#position += length;
    return undefined;
  }

  #hexAt(at: number): number | undefined {
    const digits = this.#text.slice(at, at + 4);
    return /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
  }
}

function numberOf(digits: string): number {
  const lower = digits.toLowerCase();
  const isNegative = lower.startsWith("-");
  const magnitude = lower.replace(/^[+-]/, "");
  if (magnitude === "nan") return Number.NaN;
  const value = magnitude.startsWith("inf") ? Number.POSITIVE_INFINITY : Number(magnitude);
  return isNegative ? -value : value;
}
