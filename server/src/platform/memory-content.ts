/**
 * What a file of the disk in memory holds: as it reads, and as a power cut may leave it. Sectors are written whole or not at
 * all; a file that was cut may be there with its old length and content.
 */

import type { Random } from "./random.ts";
import { SECTOR_BYTES } from "./sectors.ts";

interface Version {
  /** As it reads. */
  readonly bytes: Buffer;
  /** What is on the disk for sure. */
  readonly stored: Buffer;
  /** Sectors that were written since the last sync. */
  readonly written: ReadonlySet<number>;
  /** Sectors that a sync which failed was to write: the system takes them for written, and never tries again. */
  readonly lost: ReadonlySet<number>;
}

export class MemoryContent {
  #bytes: Buffer = Buffer.alloc(0);
  #stored: Buffer = this.#bytes;
  #written = new Set<number>();
  #lost = new Set<number>();
  /** As it was before it was cut, each time since the last sync. */
  #longer: Version[] = [];
  failedSyncs = 0;

  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Over what is there, or behind it. */
  write(bytes: Buffer, position: number): void {
    const end = position + bytes.length;
    const before = this.#bytes.subarray(0, position);
    this.#bytes = Buffer.concat([before, bytes, this.#bytes.subarray(end)]);
    for (let sector = sectorOf(position); sector * SECTOR_BYTES < end; sector++) {
      this.#written.add(sector);
      this.#lost.delete(sector);
    }
  }

  truncate(sizeBytes: number): void {
    if (sizeBytes >= this.#bytes.length) return;
    this.#longer.push({
      ...{ bytes: this.#bytes, stored: this.#stored },
      ...{ written: new Set(this.#written), lost: new Set(this.#lost) },
    });
    this.#bytes = this.#bytes.subarray(0, sizeBytes);
    this.#stored = this.#stored.subarray(0, sizeBytes);
    for (const sectors of [this.#written, this.#lost]) {
      for (const sector of sectors) if (sector * SECTOR_BYTES >= sizeBytes) sectors.delete(sector);
    }
  }

  sync(): void {
    this.#settle(
      without(this.#version, (sector) => this.#lost.has(sector)),
      this.#bytes,
    );
  }

  syncFailed(): void {
    this.failedSyncs++;
    for (const sector of this.#written) this.#lost.add(sector);
    this.#written.clear();
  }

  /** All that was not synced is gone. */
  forgetUnsynced(): void {
    const { stored } = this.#longer[0] ?? this.#version;
    this.#settle(stored, stored);
  }

  /** Chance decides over what was not synced. */
  cutPower(random: Random): void {
    const versions = [...this.#longer, this.#version];
    const left = leftOf(versions[random.below(versions.length)] as Version, random);
    this.#settle(left, left);
    this.#lost.clear();
  }

  get #version(): Version {
    return { bytes: this.#bytes, stored: this.#stored, written: this.#written, lost: this.#lost };
  }

  #settle(stored: Buffer, bytes: Buffer): void {
    this.#stored = stored;
    this.#bytes = bytes;
    this.#written.clear();
    this.#longer = [];
  }
}

/** Some part from the front, or any of the sectors; in a length between the one on the disk and the one it has. */
function leftOf(version: Version, random: Random): Buffer {
  const { bytes, stored, written, lost } = version;
  const grown = bytes.length - stored.length;
  const kept = bytes.subarray(0, grown > 0 ? stored.length + random.below(grown + 1) : bytes.length);
  const first = Math.min(...written);
  const hasHoles = random.below(2) === 0;
  const odds = 2 + random.below(2);
  const end = written.size === 0 ? 0 : first + random.below(sectorOf(kept.length) - first + 2);
  const isMissing = (sector: number): boolean => (hasHoles ? random.below(odds) === 0 : sector >= end);
  const missing = new Set([...lost, ...[...written].filter(isMissing)]);
  return without({ ...version, bytes: kept }, (sector) => missing.has(sector));
}

/** These sectors hold what is on the disk, or zeros. */
function without({ bytes, stored }: Version, isMissing: (sector: number) => boolean): Buffer {
  const kept = Buffer.from(bytes);
  for (let start = 0; start < kept.length; start += SECTOR_BYTES) {
    if (!isMissing(sectorOf(start))) continue;
    const end = Math.min(start + SECTOR_BYTES, kept.length);
    kept.fill(0, start, end);
    stored.subarray(start, end).copy(kept, start);
  }
  return kept;
}

function sectorOf(position: number): number {
  return Math.floor(position / SECTOR_BYTES);
}
