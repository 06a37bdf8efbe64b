// Lays out what one workspace needs at run time below a target directory: its dist/, bin/ and native/build/, the other workspaces it
// uses, and its production dependencies out of the installed node_modules. Runs in the first stage of the Dockerfiles, on the
// image's own Node.js and without a network: it installs nothing, it only follows package.json files and copies.
//
//   node production-tree.ts <source root> <workspace> <target>

import { cpSync, existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";

interface PackageManifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const NOT_NEEDED_AT_RUN_TIME = /(\.d\.[cm]?ts|\.map|\.md|\.tsbuildinfo|\.test\.js)$/;

function main(argv: readonly string[]): void {
  const [root, workspace, target] = argv;
  if (root === undefined || workspace === undefined || target === undefined) {
    throw new Error("usage: production-tree.ts <source root> <workspace> <target>");
  }
  const home = join(root, workspace);
  copyCompiled(home, join(target, workspace));
  for (const directory of productionDependencies(root, home)) {
    const real = realpathSync(directory);
    const place = join(target, relative(root, directory));
    // A link out of node_modules is another workspace of ours: it becomes a plain package, compiled files only.
    if (real === directory) copyPackage(directory, place);
    else copyCompiled(real, place);
  }
}

function copyCompiled(from: string, to: string): void {
  const compiled = join(from, "dist");
  if (!existsSync(compiled)) throw new Error(`Cannot lay out "${from}": it has no dist/, run \`make build\` first`);
  cpSync(join(from, "package.json"), join(to, "package.json"), { recursive: true });
  copyPackage(compiled, join(to, "dist"));
  for (const part of ["bin", "native/build"]) {
    if (existsSync(join(from, part))) copyPackage(join(from, part), join(to, part));
  }
}

function copyPackage(from: string, to: string): void {
  // Nested node_modules are packages of their own: the walk decides about them.
  cpSync(from, to, {
    recursive: true,
    filter: (path) => !NOT_NEEDED_AT_RUN_TIME.test(path) && !relative(from, path).split(sep).includes("node_modules"),
  });
}

/** The directories of all packages that `start` needs, found as Node.js finds them: in node_modules, upwards. */
function productionDependencies(root: string, start: string): Set<string> {
  const found = new Set<string>();
  const open = [start];
  for (let from = open.pop(); from !== undefined; from = open.pop()) {
    const manifest = JSON.parse(readFileSync(join(from, "package.json"), "utf8")) as PackageManifest;
    const optional = new Set(Object.keys(manifest.optionalDependencies ?? {}));
    for (const name of [...Object.keys(manifest.dependencies ?? {}), ...optional]) {
      const directory = name.startsWith("@types/") ? undefined : locate(root, realpathSync(from), name);
      if (directory === undefined && !name.startsWith("@types/") && !optional.has(name)) {
        throw new Error(`Cannot find package "${name}" that "${manifest.name}" needs: run \`make setup\` first`);
      }
      if (directory === undefined || found.has(directory)) continue;
      found.add(directory);
      open.push(directory);
    }
  }
  return found;
}

function locate(root: string, from: string, name: string): string | undefined {
  for (let directory = from; ; directory = dirname(directory)) {
    const candidate = join(directory, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return candidate;
    if (directory === root || directory === dirname(directory)) return undefined;
  }
}

main(process.argv.slice(2));
