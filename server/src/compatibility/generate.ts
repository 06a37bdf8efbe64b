// `node --conditions=source server/src/compatibility/generate.ts [--check]`: writes docs/compatibility.md, or with --check
// only tells whether it is stale and exits with 1.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { compatibilityPage } from "./page.ts";

const file = path.resolve(import.meta.dirname, "../../../docs/compatibility.md");
const page = compatibilityPage();

function current(): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

if (current() === page) process.exitCode = 0;
else if (process.argv.includes("--check")) {
  process.stderr.write('docs/compatibility.md: stale, run "make generate"\n');
  process.exitCode = 1;
} else {
  writeFileSync(file, page);
  process.stdout.write("docs/compatibility.md: written\n");
}
