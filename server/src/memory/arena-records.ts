/**
 * Walks over the records of an arena: what lies in pages of a record kind. No visitor may allocate or free records.
 */

import type { Arena } from "./arena.ts";
import { BLOCK_SHIFT, BLOCKS_PER_PAGE_SHIFT, type Handle, PAGE_SHIFT, type PageKind } from "./arena-layout.ts";

/** Whether a live record starts at this handle: for handles that were kept while records came and went. */
export function isRecord(arena: Arena, handle: Handle): boolean {
  const page = handle >>> PAGE_SHIFT;
  if (!arena.isRecordPage(page) || handle >= arena.pageLimit(page)) return false;
  return (handle - (page << PAGE_SHIFT)) % arena.pageStride(page) === 0 && arena.isLive(handle);
}

/** Visits the records that start in this block. */
export function forEachRecordInBlock(arena: Arena, block: number, visit: (record: Handle) => void): void {
  const page = block >>> BLOCKS_PER_PAGE_SHIFT;
  if (!arena.isRecordPage(page)) return;
  const stride = arena.pageStride(page);
  const pageStart = page << PAGE_SHIFT;
  const limit = Math.min(arena.pageLimit(page), (block + 1) << BLOCK_SHIFT);
  let handle = pageStart + Math.ceil(((block << BLOCK_SHIFT) - pageStart) / stride) * stride;
  for (; handle < limit; handle += stride) {
    if (arena.isLive(handle)) visit(handle);
  }
}

/** Visits all records of a kind. */
export function forEachRecord(arena: Arena, kind: PageKind, visit: (record: Handle) => void): void {
  for (let position = arena.pageCountOf(kind) - 1; position >= 0; position--) {
    const page = arena.pageOfKind(kind, position);
    const stride = arena.pageStride(page);
    const limit = arena.pageLimit(page);
    for (let handle = page << PAGE_SHIFT; handle < limit; handle += stride) {
      if (arena.isLive(handle)) visit(handle);
    }
  }
}
