/**
 * What the values of most directives look like, as data: the server's table is made of it, and whoever writes a server's
 * configuration without being the server can tell what it would not take, in the server's words, which are Redis'. Forms that
 * need more than that (lists, paths, save points) are not here: their values can only be tried.
 */

import { parseMemorySize } from "./memory-units.ts";

export type DirectiveForm =
  | { readonly kind: "yes or no" }
  | { readonly kind: "integer" | "octal integer" | "memory size"; readonly minimum: number; readonly maximum: number }
  | { readonly kind: "memory size or percentage" }
  | { readonly kind: "choice"; readonly words: readonly string[] }
  | { readonly kind: "text" };

export const LONG_MAX = 2 ** 63;

export const YES_OR_NO: DirectiveForm = { kind: "yes or no" };
export const SIZE_OR_SHARE: DirectiveForm = { kind: "memory size or percentage" };
export const ANY_TEXT: DirectiveForm = { kind: "text" };

export function integerIn(minimum: number, maximum: number): DirectiveForm {
  return { kind: "integer", minimum, maximum };
}

export function octalIn(minimum: number, maximum: number): DirectiveForm {
  return { kind: "octal integer", minimum, maximum };
}

export function sizeIn(minimum: number, maximum: number): DirectiveForm {
  return { kind: "memory size", minimum, maximum };
}

/** The words with blanks between them. */
export function oneOf(words: string): DirectiveForm {
  return { kind: "choice", words: words.split(" ") };
}

/** Why the server does not take the value; undefined if it does, as far as the form goes. */
export function valueProblem(form: DirectiveForm, value: string): string | undefined {
  switch (form.kind) {
    case "yes or no":
      return ["yes", "no"].includes(value.toLowerCase()) ? undefined : "argument must be 'yes' or 'no'";
    case "integer":
      return numberProblem(form, parseInteger(value), "couldn't be parsed into an integer");
    case "octal integer":
      return numberProblem(form, parseOctal(value), "couldn't be parsed as an octal number");
    case "memory size":
      return numberProblem(form, parseMemorySize(value), "must be a memory value");
    case "memory size or percentage":
      return shareProblem(value);
    case "choice":
      return form.words.includes(value.toLowerCase())
        ? undefined
        : `argument(s) must be one of the following: ${form.words.join(", ")}`;
    case "text":
      return undefined;
  }
}

/** An integer as the wire and Redis' files write it: no blanks, no plus, no leading zero, within 64 bits. */
export function parseInteger(text: string): number | undefined {
  if (!/^(0|-?[1-9][0-9]{0,18})$/.test(text)) return undefined;
  const value = BigInt(text);
  return value === BigInt.asIntN(64, value) ? Number(value) : undefined;
}

export function parseOctal(text: string): number | undefined {
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

/** The percentage of a share. */
export function parseShare(text: string): number | undefined {
  const [, percent] = /^([0-9]+)%$/.exec(text) ?? [];
  return percent === undefined ? undefined : Number(percent);
}

/** The limit of 64 bits does not survive as a number. */
export function formatInteger(value: number): string {
  return value >= LONG_MAX ? "9223372036854775807" : String(value);
}

interface Range {
  readonly minimum: number;
  readonly maximum: number;
}

/** `unparsed`: what is said of a text that is no such number. */
function numberProblem({ minimum, maximum }: Range, value: number | undefined, unparsed: string): string | undefined {
  if (value === undefined) return `argument ${unparsed}`;
  if (value >= minimum && value <= maximum) return undefined;
  return `argument must be between ${formatInteger(minimum)} and ${formatInteger(maximum)} inclusive`;
}

function shareProblem(value: string): string | undefined {
  const share = parseShare(value);
  if (share !== undefined) return share > 100 ? "percentage argument must be less or equal to 100" : undefined;
  return parseMemorySize(value) === undefined ? "argument must be a memory or percent value" : undefined;
}
