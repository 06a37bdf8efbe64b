import { expect, test } from "vitest";
import { loadHostileFiles } from "./hostile-files.ts";

const ROUNDS = 300;

test("a hostile file is refused for its checksum; with a right one it is refused, or gives data that can be saved and deleted", () => {
  const refused = loadHostileFiles(77, ROUNDS);
  expect(refused).toBeGreaterThan(ROUNDS / 10);
  expect(refused).toBeLessThan(ROUNDS);
});
