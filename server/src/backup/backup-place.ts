/**
 * Where a backup lies: a directory, or objects of an S3-compatible store (s3-place.ts). Files are written and read in a directory
 * of this machine; a place elsewhere takes them in from there, and brings them back.
 */

import fs from "node:fs";
import path from "node:path";
import { readTextFile, replaceTextFile, systemDisk } from "../platform/disk.ts";

export interface BackupPlace {
  /** For people. */
  readonly name: string;
  /** Where its files are while somebody works on them. */
  readonly directory: string;
  /** Names of what lies there; undefined where there is no such place. */
  list(): Promise<readonly string[] | undefined>;
  readText(name: string): Promise<string | undefined>;
  /** Whole or not at all. */
  writeText(name: string, text: string): Promise<void>;
  /** Takes a file in that lies in the directory. It is read back and compared where a checksum (SHA-256, hex) is given. */
  keep(name: string, sha256: string | undefined): Promise<void>;
  /** Brings a file into the directory. */
  fetch(name: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Of a place that is empty: nothing of it is left. */
  removeItself(): Promise<void>;
  /** What was only for this run goes. */
  close(): void;
}

export function directoryPlace(directory: string): BackupPlace {
  const fileOf = (name: string): string => path.join(directory, name);
  return {
    name: directory,
    directory,
    list: async () => (fs.existsSync(directory) ? fs.readdirSync(directory) : undefined),
    readText: async (name) => (systemDisk.exists(fileOf(name)) ? readTextFile(systemDisk, fileOf(name)) : undefined),
    writeText: async (name, text) => replaceTextFile(systemDisk, fileOf(name), text),
    keep: async () => undefined,
    fetch: async () => undefined,
    remove: async (name) => fs.rmSync(fileOf(name), { force: true }),
    removeItself: async () => {
      fs.rmdirSync(directory);
      systemDisk.syncDirectory(path.dirname(path.resolve(directory)));
    },
    close: () => undefined,
  };
}
