/** MIGRATE: keys go to another server. How they do without holding up this one: network/migrations.ts. */

import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { ClientFlag } from "./client.ts";
import { defineCommands, keyAt } from "./command.ts";
import type { MigrationRequest } from "./context.ts";
import { CommandError, ERRORS } from "./errors.ts";

const DEFAULT_TIMEOUT_MS = 1000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const migrateCommands = defineCommands([
  {
    name: "migrate",
    arity: -6,
    flags: ["write", "movablekeys"],
    keys: [
      keyAt(3, "RW", "access", "delete"),
      {
        flags: ["RW", "access", "delete", "incomplete"],
        begin: { keyword: "KEYS", startFrom: -2 },
        find: { last: -1, step: 1, limit: 0 },
      },
    ],
    group: "generic",
    categories: ["dangerous"],
    tips: ["nondeterministic_output"],
    since: "2.6.0",
    complexity: "O(N) in the size of the values, which also go over the network",
    summary: "Moves or copies keys to another server.",
    syntax:
      'host port <key | ""> destination-db timeout [COPY] [REPLACE] [AUTH password | AUTH2 username password] [KEYS key [key ...]]',
    run: migrate,
  },
]);

interface MigrateOptions {
  isCopy: boolean;
  isReplace: boolean;
  user: Buffer | undefined;
  password: Buffer | undefined;
  /** Arguments with keys, the end not included. */
  first: number;
  end: number;
}

function migrateOptions(call: Call): MigrateOptions {
  const options: MigrateOptions = {
    ...{ isCopy: false, isReplace: false, user: undefined, password: undefined },
    ...{ first: 3, end: 4 },
  };
  for (let i = 6; i < call.argc; i++) {
    const left = call.argc - i - 1;
    if (call.is(i, "copy")) options.isCopy = true;
    else if (call.is(i, "replace")) options.isReplace = true;
    else if (call.is(i, "auth")) {
      if (left < 1) throw new CommandError(ERRORS.syntax);
      options.password = call.copy(++i);
    } else if (call.is(i, "auth2")) {
      if (left < 2) throw new CommandError(ERRORS.syntax);
      options.user = call.copy(++i);
      options.password = call.copy(++i);
    } else if (call.is(i, "keys")) {
      if (call.length[3] !== 0) {
        throw new CommandError("ERR When using MIGRATE KEYS option, the key argument must be set to the empty string");
      }
      options.first = i + 1;
      options.end = call.argc;
      break;
    } else throw new CommandError(ERRORS.syntax);
  }
  return options;
}

function migrate(call: Call): void {
  const { isCopy, isReplace, user, password, first, end } = migrateOptions(call);
  const timeout = integerArgument(call, 5);
  const targetDatabase = integerArgument(call, 4);
  const keys = existingKeys(call, first, end);
  if (keys.length === 0) {
    call.reply.status("NOKEY");
    return;
  }
  if (call.client.has(ClientFlag.inExec)) {
    throw new CommandError("ERR MIGRATE is not possible inside a transaction: its client has to wait");
  }
  const { migrations } = call.server;
  if (!isCopy && keys.some((key) => migrations.isMoving(call.db, key))) {
    throw new CommandError("ERR MIGRATE of another client has a key on its way");
  }
  const request: MigrationRequest = {
    ...{ host: call.text(1), port: portArgument(call, 2), targetDatabase, database: call.db, keys },
    ...{
      timeoutMs: timeout <= 0 ? DEFAULT_TIMEOUT_MS : Math.min(timeout, LONGEST_TIMER_MS),
      isCopy,
      isReplace,
      user,
      password,
    },
  };
  call.propagateNothing();
  migrations.start(call.client, request);
}

/** Each once: a key that has gone must not be looked for again. */
function existingKeys(call: Call, first: number, end: number): Buffer[] {
  const keys = new Map<string, Buffer>();
  for (let i = first; i < end; i++) {
    if (call.db.lookupRead(call.buffer, call.offset[i] as number, call.length[i] as number) === 0) continue;
    const key = call.copy(i);
    keys.set(key.toString("latin1"), key);
  }
  return [...keys.values()];
}

/** 0, to which nobody can connect, for what is no port. */
function portArgument(call: Call, index: number): number {
  const port = Number.parseInt(call.text(index), 10);
  return port > 0 && port < 65_536 ? port : 0;
}
