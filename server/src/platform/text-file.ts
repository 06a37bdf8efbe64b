/** Small files of text, read and replaced as a whole. Texts are latin1: bytes as they are. */

import path from "node:path";
import type { Disk } from "./disk.ts";

export function readTextFile(disk: Disk, file: string): string {
  const opened = disk.openToRead(file);
  try {
    const bytes = Buffer.alloc(opened.sizeBytes);
    const length = opened.read(bytes, 0, bytes.length, 0);
    return bytes.toString("latin1", 0, length);
  } finally {
    opened.close();
  }
}

/** Nobody ever finds half of it, not even after a power cut: written beside it, synced, renamed. */
export function replaceTextFile(disk: Disk, file: string, text: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  const bytes = Buffer.from(text, "latin1");
  const opened = disk.create(temporary);
  try {
    opened.append(bytes, 0, bytes.length);
    opened.sync();
    opened.close();
    disk.rename(temporary, file);
  } catch (error) {
    disk.remove(temporary);
    throw error;
  }
  disk.syncDirectory(path.dirname(file));
}
