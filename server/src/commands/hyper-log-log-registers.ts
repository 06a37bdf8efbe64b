/** Changing the registers of a HyperLogLog at its place in the arena; what it becomes too long for, it leaves for the dense form. */

import { NO_EXPIRY } from "../keyspace/record.ts";
import type { Handle } from "../memory/arena-layout.ts";
import {
  cacheCount,
  cachedCount,
  DENSE_BYTES,
  denseRegister,
  emptyHyperLogLog,
  estimate,
  HLL_HEADER_BYTES,
  isDense,
  isHyperLogLog,
  setDenseRegister,
  toDense,
} from "../values/hyper-log-log.ts";
import {
  LARGEST_SPARSE_VALUE,
  SPARSE_GROWTH_BYTES,
  SparseResult,
  setSparseRegister,
  sparseRegister,
} from "../values/hyper-log-log-sparse.ts";
import { Encoding } from "../values/value-type.ts";
import type { Call } from "./call.ts";
import { CommandError } from "./errors.ts";
import { stringForRead, stringForWrite } from "./string-access.ts";

const NOT_ONE = "WRONGTYPE Key is not a valid HyperLogLog string value.";
const CORRUPT = "INVALIDOBJ Corrupted HLL object detected";

/** The HyperLogLog that the argument names, 0 if absent; throws for another value. */
export function hyperLogLogForRead(call: Call, argument: number): Handle {
  return checked(call, stringForRead(call, argument));
}

/** As hyperLogLogForRead, for changing it. */
export function hyperLogLogForWrite(call: Call, argument: number): Handle {
  const record = checked(call, stringForWrite(call, argument));
  return record === 0 ? 0 : asRaw(call, record);
}

/** Redis shows a value that was opened for change as "raw", changed or not. */
export function asRaw(call: Call, record: Handle): Handle {
  const { db } = call;
  return db.encodingOf(record) === Encoding.raw ? record : db.growString(record, db.valueLength(record));
}

function checked(call: Call, record: Handle): Handle {
  const { db } = call;
  if (record !== 0 && !isHyperLogLog(db.bytesOf(record), db.valueOffset(record), db.valueLength(record))) {
    throw new CommandError(NOT_ONE);
  }
  return record;
}

export function corrupted(): CommandError {
  return new CommandError(CORRUPT);
}

/** Stores an empty one at the absent key of the argument. */
export function createHyperLogLog(call: Call, argument: number): Handle {
  const empty = emptyHyperLogLog();
  const offset = call.offset[argument] as number;
  const length = call.length[argument] as number;
  return asRaw(call, call.db.setString(call.buffer, offset, length, empty, 0, empty.length, NO_EXPIRY));
}

/** Raises a register. Gives the record, which may have moved, or 0 if the register holds as much already. */
export function raiseRegister(call: Call, record: Handle, index: number, value: number): Handle {
  const { db } = call;
  if (isDense(db.bytesOf(record), db.valueOffset(record))) return raiseDense(call, record, index, value);
  if (value > LARGEST_SPARSE_VALUE) return raiseDense(call, makeDense(call, record), index, value);
  const length = db.valueLength(record);
  const runs = db.valueOffset(record) + HLL_HEADER_BYTES;
  const held = sparseRegister(db.bytesOf(record), runs, runs - HLL_HEADER_BYTES + length, index);
  if (held >= value) return 0;
  const roomy = db.growString(record, length + SPARSE_GROWTH_BYTES);
  const start = db.valueOffset(roomy) + HLL_HEADER_BYTES;
  const end = start - HLL_HEADER_BYTES + length;
  const longest = call.server.config.get("hll-sparse-max-bytes") - HLL_HEADER_BYTES;
  const newEnd = setSparseRegister(db.bytesOf(roomy), start, end, index, value, longest);
  db.growString(roomy, newEnd < 0 ? length : newEnd - start + HLL_HEADER_BYTES);
  if (newEnd === SparseResult.corrupt) throw corrupted();
  if (newEnd === SparseResult.tooLong) return raiseDense(call, makeDense(call, roomy), index, value);
  return roomy;
}

function raiseDense(call: Call, record: Handle, index: number, value: number): Handle {
  const bytes = call.db.bytesOf(record);
  const offset = call.db.valueOffset(record);
  if (denseRegister(bytes, offset, index) >= value) return 0;
  setDenseRegister(bytes, offset, index, value);
  return record;
}

/** Turns a sparse one that `lookupWrite` gave into a dense one. */
export function makeDense(call: Call, record: Handle): Handle {
  const { db } = call;
  const dense = toDense(db.bytesOf(record), db.valueOffset(record), db.valueLength(record));
  if (dense === undefined) throw corrupted();
  const target = db.growString(record, DENSE_BYTES);
  dense.copy(db.bytesOf(target), db.valueOffset(target));
  return target;
}

/** The number of elements: the cached one, or an estimate that is then cached. `isNew` says that the value was changed so. */
export function countOf(call: Call, record: Handle): { readonly count: bigint; readonly isNew: boolean } {
  const { db } = call;
  const bytes = db.bytesOf(record);
  const offset = db.valueOffset(record);
  const cached = cachedCount(bytes, offset);
  if (cached !== undefined) return { count: cached, isNew: false };
  const count = estimate(bytes, offset, db.valueLength(record));
  if (count === undefined) throw corrupted();
  // Not moved, only announced to a snapshot: it has the length it had.
  db.growString(record, db.valueLength(record));
  cacheCount(bytes, offset, count);
  return { count, isNew: true };
}
