/**
 * The texts of error replies, each exactly as redis-server writes it, in one place: a text that two commands share cannot
 * drift. `CommandError` carries one through code that is not hot; only the dispatcher catches it.
 */

export class CommandError extends Error {}

export const ERRORS = {
  wrongType: "WRONGTYPE Operation against a key holding the wrong kind of value",
  syntax: "ERR syntax error",
  notInteger: "ERR value is not an integer or out of range",
  notFloat: "ERR value is not a valid float",
  notPositive: "ERR value is out of range, must be positive",
  outOfRange: "ERR value is out of range",
  noSuchKey: "ERR no such key",
  sameObject: "ERR source and destination objects are the same",
  indexOutOfRange: "ERR index out of range",
  offsetOutOfRange: "ERR offset is out of range",
  incrementOverflow: "ERR increment or decrement would overflow",
  decrementOverflow: "ERR decrement would overflow",
  hashValueNotInteger: "ERR hash value is not an integer",
  hashValueNotFloat: "ERR hash value is not a float",
  notFinite: "ERR value is NaN or Infinity",
  incrementNotANumber: "ERR increment would produce NaN or Infinity",
  stringTooLong: "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
  invalidCursor: "ERR invalid cursor",
  databaseIndexOutOfRange: "ERR DB index is out of range",
  noAuthentication: "NOAUTH Authentication required.",
  noPermissionForKey: "NOPERM this user has no permissions to access one of the keys used as arguments",
  noPermissionForChannel: "NOPERM this user has no permissions to access one of the channels used as arguments",
  wrongPassword: "WRONGPASS invalid username-password pair or user is disabled.",
  outOfMemory: "OOM command not allowed when used memory > 'maxmemory'.",
  busyScript: "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
  busyFunction: "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.",
  loading: "LOADING Redis is loading the dataset in memory",
  primaryDown: "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
  readOnlyReplica: "READONLY You can't write against a read only replica.",
  notEnoughReplicas: "NOREPLICAS Not enough good replicas to write.",
  cannotPersist:
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.",
  saveInProgress: "ERR Background save already in progress",
  executionAborted: "EXECABORT Transaction discarded because of previous errors.",
  nestedMulti: "ERR MULTI calls can not be nested",
  watchInMulti: "ERR WATCH inside MULTI is not allowed",
  execWithoutMulti: "ERR EXEC without MULTI",
  discardWithoutMulti: "ERR DISCARD without MULTI",
  crossSlot: "CROSSSLOT Keys in request don't hash to the same slot",
  clusterDisabled: "ERR This instance has cluster support disabled",
  protocolVersion: "NOPROTO unsupported protocol version",
  invalidStreamId: "ERR Invalid stream ID specified as stream command argument",
  groupExists: "BUSYGROUP Consumer Group name already exists",
} as const;

export function wrongArity(fullName: string): string {
  return `ERR wrong number of arguments for '${fullName}' command`;
}

export function noPermissionFor(fullName: string): string {
  return `NOPERM this user has no permissions to run the '${fullName}' command`;
}

/** EXEC refused for a reason of the moment: a state of the server, a slot that moved. Of the reason's code only ERR is left out. */
export function executionAborted(reason: string): string {
  return `EXECABORT Transaction discarded because of: ${reason.replace(/^ERR /, "")}`;
}

export function outOfRangeBetween(smallest: string, largest: string): string {
  return `ERR value is out of range, value must between ${smallest} and ${largest}`;
}

export function invalidExpireTime(fullName: string): string {
  return `ERR invalid expire time in '${fullName}' command`;
}

const QUOTED_BYTES = 128;

/** The reply to a name that is no command; arguments are quoted and cut as Redis does, 128 bytes of them at most. */
export function unknownCommand(name: string, args: readonly string[]): string {
  let quoted = "";
  for (const arg of args) {
    if (quoted.length >= QUOTED_BYTES) break;
    quoted += `'${shortened(arg, QUOTED_BYTES - quoted.length)}' `;
  }
  return `ERR unknown command '${shortened(name, QUOTED_BYTES)}', with args beginning with: ${quoted}`;
}

export function unknownSubcommand(container: string, name: string): string {
  return `ERR unknown subcommand '${shortened(name, QUOTED_BYTES)}'. Try ${container.toUpperCase()} HELP.`;
}

export function unsupportedOption(option: string): string {
  return `ERR Unsupported option ${cString(option)}`.replace(/[\r\n]+$/, "");
}

/** Where Redis leaves the number of a subcommand's arguments to its function. */
export function wrongSubcommandArguments(container: string, name: string): string {
  const shown = shortened(name, QUOTED_BYTES);
  return `ERR unknown subcommand or wrong number of arguments for '${shown}'. Try ${container.toUpperCase()} HELP.`;
}

/** What of an argument Redis' formats show: a zero byte ends it. */
export function cString(text: string): string {
  return shortened(text, text.length);
}

/** What a C string of these bytes would show. */
function shortened(text: string, bytes: number): string {
  const end = text.indexOf("\0");
  return text.slice(0, end < 0 ? bytes : Math.min(end, bytes));
}
