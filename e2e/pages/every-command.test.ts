// Every command and program that our pages print is run by a test, which takes it from the page; what no test takes stands in a table,
// with the test that does the same. Which test takes what is read from the tests: `printed("page", "beginning")`, `walk("page")`.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { NOT_TAKEN } from "./not-taken.ts";
import { type Block, blocksOf, pages, ROOT } from "./page.ts";
import { walk } from "./walk.ts";

const PROGRAMS = ["sh", "bash", "console", "python", "js", "ts"];
const blocks = pages().flatMap(blocksOf);
const tests = globSync("{e2e/{suite,machines},{server,operator}/src}/**/*.{e2e,integration.test}.ts", {
  cwd: ROOT,
}).map((file) => ({ file, text: readFileSync(join(ROOT, file), "utf8") }));

interface Taken {
  readonly file: string;
  readonly page: string;
  readonly beginning: string;
}

const taken: readonly Taken[] = tests.flatMap(({ file, text }) =>
  [...text.matchAll(/\bprinted\(\s*"([^"]+)",\s*"((?:[^"\\]|\\.)+)",?\s*\)/g)].map(([, page = "", beginning]) => {
    return { file, page, beginning: JSON.parse(`"${beginning}"`) as string };
  }),
);
const walked = tests.flatMap(({ text }) => [...text.matchAll(/\bwalk\("([^"]+)"\)/g)].map(([, page = ""]) => page));

/** Commands to be typed, and programs; what is only shown or applied is not. (Manifests: suite/examples.e2e.ts.) */
function isCommand({ language, text }: Block): boolean {
  return PROGRAMS.includes(language) || (language === "" && /^\$ /m.test(text));
}

function begins({ page, text }: Block, { page: of, beginning }: { page: string; beginning: string }): boolean {
  return page === of && text.startsWith(beginning);
}

const where = ({ page, line, text }: Block): string => `${page}:${line}: ${text.split("\n")[0]}`;

describe("the commands in our pages", () => {
  test("are there, in blocks that are all read", () => {
    expect(blocks.filter(isCommand).length).toBeGreaterThan(25);
    for (const page of pages()) {
      const fences = readFileSync(join(ROOT, page), "utf8").match(/^\s*(```|~~~)/gm) ?? [];
      expect(fences, page).toHaveLength(2 * blocksOf(page).length);
    }
  });

  test("are all run by a test, or the table says which one does the same", () => {
    const isRun = (block: Block) =>
      walked.includes(block.page) ||
      taken.some((one) => begins(block, one)) ||
      NOT_TAKEN.some((one) => begins(block, one));
    expect(blocks.filter((block) => isCommand(block) && !isRun(block)).map(where)).toEqual([]);
  });

  test("are found by the tests that take them, each as the one block that begins so", () => {
    expect(taken.length).toBeGreaterThan(10);
    const astray = taken.filter((one) => blocks.filter((block) => begins(block, one)).length !== 1);
    expect(astray).toEqual([]);
  });

  test("are taken by words that can be read here", () => {
    const calls = tests.flatMap(({ file, text }) => [...text.matchAll(/\bprinted\(/g)].map(() => file));
    expect(calls).toEqual(taken.map(({ file }) => file));
  });

  test("that are walked have their files named", () => {
    expect(walked).toContain("docs/getting-started.md");
    for (const page of walked) expect(walk(page).length).toBeGreaterThan(0);
  });
});

describe("the table of commands that no test takes", () => {
  test.each(NOT_TAKEN)("$page: $beginning", (row) => {
    const [block, ...others] = blocks.filter((one) => begins(one, row));
    expect(others).toEqual([]);
    expect(block && isCommand(block), "the page prints it").toBe(true);
    const takers = taken.filter((one) => block && begins(block, one)).map(({ file }) => file);
    expect(takers, "nobody takes it").toEqual([]);
    expect(walked, "nor walks the page").not.toContain(row.page);
    expect(tests.map(({ file }) => file)).toContain(row.insteadBy);
  });
});

describe("the scripts in examples/", () => {
  test.each(globSync("examples/*.sh", { cwd: ROOT }))("%s is run by a test", (script) => {
    expect(tests.filter(({ text }) => text.includes(script)).map(({ file }) => file)).not.toEqual([]);
  });
});
