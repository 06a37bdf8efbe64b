/** The arguments of SORT and SORT_RO. */

import { mayReadAnyKey } from "../access-control/permissions.ts";
import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { ClientFlag } from "./client.ts";
import { CommandError, ERRORS } from "./errors.ts";
import { RequestedAccess } from "./requested-access.ts";

const ASTERISK = 42;

export interface SortRequest {
  isDescending: boolean;
  isAlpha: boolean;
  /** BY names no key of an element: the elements stay in the order in which they are stored. */
  isUnsorted: boolean;
  offset: number;
  /** Negative: all. */
  limit: number;
  /** Argument with the pattern of BY, 0 if there is none. */
  by: number;
  /** Arguments with the patterns of GET. */
  readonly gets: number[];
  /** Argument with the key of STORE, 0 if there is none. */
  target: number;
}

interface SortOption {
  readonly values: number;
  readonly isForStore?: boolean;
  readonly read: (call: Call, request: SortRequest, argument: number) => void;
}

const OPTIONS: ReadonlyMap<string, SortOption> = new Map(
  Object.entries<SortOption>({
    asc: { values: 0, read: (_call, request) => Object.assign(request, { isDescending: false }) },
    desc: { values: 0, read: (_call, request) => Object.assign(request, { isDescending: true }) },
    alpha: { values: 0, read: (_call, request) => Object.assign(request, { isAlpha: true }) },
    limit: { values: 2, read: readLimit },
    store: {
      values: 1,
      isForStore: true,
      read: (_call, request, argument) => Object.assign(request, { target: argument }),
    },
    by: { values: 1, read: readBy },
    get: { values: 1, read: readGet },
  }),
);

export function sortArguments(call: Call, mayStore: boolean): SortRequest {
  const request: SortRequest = {
    ...{ isDescending: false, isAlpha: false, isUnsorted: false },
    ...{ offset: 0, limit: -1, by: 0, gets: [], target: 0 },
  };
  for (let i = 2; i < call.argc; i++) {
    const option = OPTIONS.get(call.text(i).toLowerCase());
    const isFit = option !== undefined && i + option.values < call.argc && (mayStore || option.isForStore !== true);
    if (!isFit) throw new CommandError(ERRORS.syntax);
    option.read(call, request, i + 1);
    i += option.values;
  }
  return request;
}

function readLimit(call: Call, request: SortRequest, argument: number): void {
  request.offset = integerArgument(call, argument);
  request.limit = integerArgument(call, argument + 1);
}

function readBy(call: Call, request: SortRequest, argument: number): void {
  request.by = argument;
  if (!hasAsterisk(call, argument)) request.isUnsorted = true;
  else if (call.server.isClusterEnabled) throw new CommandError("ERR BY option of SORT denied in Cluster mode.");
  else if (!readsAnyKey(call))
    throw new CommandError("ERR BY option of SORT denied due to insufficient ACL permissions.");
}

function readGet(call: Call, request: SortRequest, argument: number): void {
  if (call.server.isClusterEnabled) throw new CommandError("ERR GET option of SORT denied in Cluster mode.");
  if (!readsAnyKey(call)) throw new CommandError("ERR GET option of SORT denied due to insufficient ACL permissions.");
  request.gets.push(argument);
}

/** Patterns name keys that only the elements tell: a user who may not read all keys cannot use them. */
function readsAnyKey(call: Call): boolean {
  const { user } = call.client;
  if (user === undefined || !call.client.has(ClientFlag.restricted)) return true;
  return mayReadAnyKey(user, new RequestedAccess(call, call.command));
}

/** Whether there is an asterisk before the first zero byte, where a C string ends. */
function hasAsterisk(call: Call, argument: number): boolean {
  const start = call.offset[argument] as number;
  for (let k = 0; k < (call.length[argument] as number); k++) {
    const byte = call.buffer[start + k];
    if (byte === ASTERISK) return true;
    if (byte === 0) return false;
  }
  return false;
}
