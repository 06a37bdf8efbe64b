// `node --conditions=source server/src/compatibility/generate.ts [--check]`: writes what follows from the server's tables,
// docs/compatibility.md and the directives that the operator knows, or with --check only tells what is stale and exits with 1.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { directiveTable } from "../config/directive-table.ts";
import { compatibilityPage } from "./page.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const FILES = [
  { name: "docs/compatibility.md", text: compatibilityPage() },
  { name: "protocol/src/server-directives.ts", text: directiveTable() },
];

function current(name: string): string | undefined {
  try {
    return readFileSync(path.join(ROOT, name), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

const stale = FILES.filter(({ name, text }) => current(name) !== text);
for (const { name, text } of stale) {
  if (process.argv.includes("--check")) {
    process.stderr.write(`${name}: stale, run "make generate"\n`);
    process.exitCode = 1;
  } else {
    writeFileSync(path.join(ROOT, name), text);
    process.stdout.write(`${name}: written\n`);
  }
}
