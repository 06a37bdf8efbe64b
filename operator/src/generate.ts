// `node --conditions=source operator/src/generate.ts [--check]`: writes the generated files, or with --check only tells
// which are stale and exits with 1.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { generatedFiles } from "./generated-files.ts";

const root = path.resolve(import.meta.dirname, "../..");

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return undefined;
    }
    throw error;
  }
}

const stale = generatedFiles().filter(({ path: file, text }) => readIfThere(path.join(root, file)) !== text);

if (process.argv.includes("--check")) {
  for (const { path: file } of stale) {
    process.stderr.write(`${file}: stale, run "make generate"\n`);
  }
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const { path: file, text } of stale) {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), text);
    process.stdout.write(`${file}: written\n`);
  }
}
