// docs/status.md names every reason that a condition or a problem may have: people look there for the word they see.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const SOURCES = join(import.meta.dirname, "..");
/** What Kubernetes says of a process. */
const OTHER_WORDS = ["Gone"];
const REASON = /(?:reason: |\bno\(|\bwait\(|\bfailed\(|return )"([A-Z][A-Za-z]+)"/g;

it("docs/status.md names every reason", () => {
  const files = ["status", "reconcile", "backup", "topology"].flatMap((folder) =>
    readdirSync(join(SOURCES, folder))
      .filter((name) => name.endsWith(".ts") && !/test\.ts$|simulated/.test(name))
      .map((name) => readFileSync(join(SOURCES, folder, name), "utf8")),
  );
  const reasons = new Set(files.flatMap((text) => [...text.matchAll(REASON)].map(([, reason]) => reason as string)));
  const documented = readFileSync(join(SOURCES, "../../docs/status.md"), "utf8");
  expect(reasons.size).toBeGreaterThan(50);
  const missing = [...reasons].filter((reason) => !documented.includes(`\`${reason}\``));
  expect(missing.filter((word) => !OTHER_WORDS.includes(word))).toEqual([]);
});
