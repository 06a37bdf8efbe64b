import { describe, expect, it } from "vitest";
import {
  ANY_TEXT,
  integerIn,
  LONG_MAX,
  octalIn,
  oneOf,
  SIZE_OR_SHARE,
  sizeIn,
  valueProblem,
  YES_OR_NO,
} from "./directive-form.ts";

describe("a value of a directive", () => {
  it.each([
    ["YES", YES_OR_NO, undefined],
    ["maybe", YES_OR_NO, "argument must be 'yes' or 'no'"],
    ["-1", integerIn(-1, 10), undefined],
    ["11", integerIn(-1, 10), "argument must be between -1 and 10 inclusive"],
    ["-2", integerIn(-1, LONG_MAX), "argument must be between -1 and 9223372036854775807 inclusive"],
    ["01", integerIn(0, 10), "argument couldn't be parsed into an integer"],
    ["9223372036854775808", integerIn(0, LONG_MAX), "argument couldn't be parsed into an integer"],
    ["777", octalIn(0, 0o777), undefined],
    ["8", octalIn(0, 0o777), "argument couldn't be parsed as an octal number"],
    ["64mb", sizeIn(0, LONG_MAX), undefined],
    ["64q", sizeIn(0, LONG_MAX), "argument must be a memory value"],
    ["1k", sizeIn(1024, LONG_MAX), "argument must be between 1024 and 9223372036854775807 inclusive"],
    ["100%", SIZE_OR_SHARE, undefined],
    ["101%", SIZE_OR_SHARE, "percentage argument must be less or equal to 100"],
    ["many", SIZE_OR_SHARE, "argument must be a memory or percent value"],
    ["No", oneOf("no yes local"), undefined],
    ["nope", oneOf("no yes local"), "argument(s) must be one of the following: no, yes, local"],
    ["", ANY_TEXT, undefined],
  ])("%j is judged as servers do", (value, form, problem) => {
    expect(valueProblem(form, value)).toBe(problem);
  });
});
