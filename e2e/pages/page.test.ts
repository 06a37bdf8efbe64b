import { describe, expect, test } from "vitest";
import { isOutput, parseBlocks } from "./page.ts";

const PAGE = [
  "# Title",
  "Save this as `hello.py`:",
  "",
  "```python",
  "print(1)",
  "```",
  "## Run",
  "`ls` first:",
  "```sh",
  "python3 hello.py   # comment",
  "```",
  "",
  "```",
  "1",
  "```",
  "",
].join("\n");

describe("the blocks of a page", () => {
  const blocks = parseBlocks("page.md", PAGE);

  test("come in order, with language, text and place", () => {
    expect(blocks.map(({ language, text, heading, line }) => [language, text, heading, line])).toEqual([
      ["python", "print(1)\n", "Title", 4],
      ["sh", "python3 hello.py   # comment\n", "Run", 9],
      ["", "1\n", "Run", 13],
    ]);
  });

  test("are files when the words before say so, and output when commands stand right above", () => {
    expect(blocks.map(({ file }) => file)).toEqual(["hello.py", undefined, undefined]);
    expect(blocks.map(isOutput)).toEqual([false, false, true]);
  });
});
