import { describe, expect, test } from "vitest";
import { outputPattern, withEvenSpaces } from "./shown-output.ts";

const isShown = (shown: string, printed: string): boolean => outputPattern(shown).test(withEvenSpaces(printed));

describe("output that a page shows", () => {
  test("is what was printed, however wide columns are and however old things", () => {
    const shown = "NAME      READY   AGE\nminimal   6/6     19s\n";
    expect(isShown(shown, "NAME    READY AGE\nminimal 6/6   2m3s  \n")).toBe(true);
    expect(isShown(shown, "NAME    READY AGE\nminimal 5/6   19s\n")).toBe(false);
    expect(isShown(shown, `${shown}another   6/6   19s\n`)).toBe(false);
  });

  test("has … for anything, also for lines", () => {
    expect(isShown("…\nsize: … (all)\n…", "first\n\nsize: 1.5 KiB (all)\nlast\n")).toBe(true);
    expect(isShown("…\nsize: … (all)\n…", "size: 1.5 KiB (all)\n")).toBe(true);
    expect(isShown("size: … (all)", "size: 1.5 KiB")).toBe(false);
    expect(isShown("size: … (all)", "size: 1.5\nKiB (all)")).toBe(false);
  });

  test("is no pattern otherwise", () => {
    expect(isShown("a.c [x]*", "a.c [x]*")).toBe(true);
    expect(isShown("a.c", "abc")).toBe(false);
  });
});
