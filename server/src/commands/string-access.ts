/** The string at a key, for commands that read or change parts of it in place. */

import { NO_EXPIRY } from "../keyspace/record.ts";
import type { Handle } from "../memory/arena-layout.ts";
import { ValueType } from "../values/value-type.ts";
import type { Call } from "./call.ts";
import { CommandError, ERRORS } from "./errors.ts";

/** The record of the argument if it is a string, 0 if absent; throws for another type. */
export function stringForRead(call: Call, argument: number): Handle {
  const record = call.db.lookupRead(call.buffer, call.offset[argument] as number, call.length[argument] as number);
  if (record !== 0 && call.db.typeOf(record) !== ValueType.string) throw new CommandError(ERRORS.wrongType);
  return record;
}

/** As stringForRead, for changing it. */
export function stringForWrite(call: Call, argument: number): Handle {
  const record = call.db.lookupWrite(call.buffer, call.offset[argument] as number, call.length[argument] as number);
  if (record !== 0 && call.db.typeOf(record) !== ValueType.string) throw new CommandError(ERRORS.wrongType);
  return record;
}

/** Stores "" at the absent key that the argument names, to be grown. */
export function addEmptyString(call: Call, argument: number): Handle {
  const { db, buffer, offset, length } = call;
  return db.setString(buffer, offset[argument] as number, length[argument] as number, buffer, 0, 0, NO_EXPIRY);
}
