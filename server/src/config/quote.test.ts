import { splitArguments } from "@kvcluster/protocol/split-arguments";
import { expect, test } from "vitest";
import { quoteArgument } from "./quote.ts";

test.each([
  ["a b  c", ["a", "b", "c"]],
  ["set \"a b\" 'c d'", ["set", "a b", "c d"]],
  ['"\\n\\t\\x41\\""', ['\n\tA"']],
  ["'it\\'s'", ["it's"]],
  ['""', [""]],
  ["", []],
  ['foo"bar"', ["foobar"]],
  ['"bar"foo', undefined],
  ['"open', undefined],
  ["'open", undefined],
])("splits %j into %j", (line, words) => {
  expect(splitArguments(line)).toEqual(words);
});

test("a quoted word reads back as itself", () => {
  for (const word of ["", "plain", 'a "b" \\ c', "tab\tnew\nline", "grün\x01", "--x"]) {
    expect(splitArguments(quoteArgument(word))).toEqual([word]);
  }
});
