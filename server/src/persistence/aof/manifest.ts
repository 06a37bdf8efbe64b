/**
 * The manifest of an append-only directory, as Redis 7 writes it: which files make up the data, one line each,
 * `file NAME seq N type b|h|i`. First comes the base (a snapshot), then the increments in order, with what was written since.
 * Files of the history are wanted no more and only wait to be deleted.
 *
 * A manifest is a value: what happens to the directory makes a new one, which is written before it becomes true.
 */

import { splitArguments } from "@kvcluster/protocol/split-arguments";
import { quoteArgument } from "../../config/quote.ts";

export interface AofFile {
  readonly name: string;
  readonly sequence: number;
}

export interface Manifest {
  readonly base: AofFile | undefined;
  readonly history: readonly AofFile[];
  readonly increments: readonly AofFile[];
}

export const EMPTY_MANIFEST: Manifest = { base: undefined, history: [], increments: [] };

export class ManifestError extends Error {}

const LONGEST_LINE = 1024;
/** What does not need quotes. */
const PLAIN_NAME = /^[!#-&(-[\]-~]+$/;

export function formatManifest(manifest: Manifest): string {
  const line = (type: string) => (file: AofFile) =>
    `file ${PLAIN_NAME.test(file.name) ? file.name : quoteArgument(file.name)} seq ${file.sequence} type ${type}\n`;
  return [
    ...(manifest.base === undefined ? [] : [manifest.base]).map(line("b")),
    ...manifest.history.map(line("h")),
    ...manifest.increments.map(line("i")),
  ].join("");
}

/** Throws a ManifestError that names the line. */
export function parseManifest(text: string): Manifest {
  const bases: AofFile[] = [];
  const history: AofFile[] = [];
  const increments: AofFile[] = [];
  const places = { b: bases, h: history, i: increments };
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  if (lines.length === 0) throw new ManifestError("Found an empty AOF manifest");
  for (const [index, line] of lines.entries()) {
    if (line.startsWith("#")) continue;
    const { file, type } = parseLine(line, index + 1);
    places[type].push(file);
    if (bases.length > 1) throw fault(index + 1, "Found duplicate base file information");
    const before = type === "i" ? increments.at(-2) : undefined;
    if (before !== undefined && before.sequence >= file.sequence) {
      throw fault(index + 1, "Found a non-monotonic sequence number");
    }
  }
  return { base: bases[0], history, increments };
}

function parseLine(line: string, number: number): { file: AofFile; type: "b" | "h" | "i" } {
  if (line.length > LONGEST_LINE) throw fault(number, "The AOF manifest file contains too long line");
  const words = splitArguments(line);
  if (words === undefined || words.length < 6 || words.length % 2 !== 0) {
    throw fault(number, "Invalid AOF manifest file format");
  }
  const values = new Map<string, string>();
  for (let i = 0; i < words.length; i += 2) values.set((words[i] as string).toLowerCase(), words[i + 1] as string);
  const name = values.get("file") ?? "";
  const sequence = Number(values.get("seq"));
  const type = values.get("type") ?? "";
  if (name === "" || !Number.isSafeInteger(sequence) || sequence < 1) {
    throw fault(number, "Invalid AOF manifest file format");
  }
  if (name.includes("/")) throw fault(number, "File can't be a path, just a filename");
  if (type !== "b" && type !== "h" && type !== "i") throw fault(number, "Unknown AOF file type");
  return { file: { name, sequence }, type };
}

function fault(line: number, what: string): ManifestError {
  return new ManifestError(`${what} (line ${line} of the manifest)`);
}

/** `last` is the highest number that was used, whether it is in the manifest or not. */
export function nextIncrement(manifest: Manifest, fileName: string, last = 0): AofFile {
  const sequence = Math.max(manifest.increments.at(-1)?.sequence ?? 0, last) + 1;
  return { name: `${fileName}.${sequence}.incr.aof`, sequence };
}

/** The manifest with an increment behind the others. */
export function withFile(manifest: Manifest, increment: AofFile): Manifest {
  const isThere = manifest.increments.some(({ sequence }) => sequence === increment.sequence);
  return isThere ? manifest : { ...manifest, increments: [...manifest.increments, increment] };
}

/** `last` is the highest number that was used, whether it is in the manifest or not. */
export function nextBase(manifest: Manifest, fileName: string, isRdb: boolean, last = 0): AofFile {
  const sequence = Math.max(manifest.base?.sequence ?? 0, last) + 1;
  return { name: `${fileName}.${sequence}.base.${isRdb ? "rdb" : "aof"}`, sequence };
}

/** Of a base: whether it is an RDB file; else it is commands. */
export function isRdbBase(name: string): boolean {
  return name.endsWith(".rdb");
}

/** The manifest once a new base holds all that came before this increment; without one, all that came. */
export function withBase(manifest: Manifest, base: AofFile, first: AofFile | undefined): Manifest {
  const isOld = ({ sequence }: AofFile): boolean => first === undefined || sequence < first.sequence;
  const old = manifest.base === undefined ? [] : [manifest.base];
  return {
    base,
    history: [...manifest.history, ...old, ...manifest.increments.filter(isOld)],
    increments: manifest.increments.filter((file) => !isOld(file)),
  };
}
