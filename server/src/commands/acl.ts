/** ACL: users, what they may do, and who was refused what. The functions on users are in acl-users.ts. */

import { ACL_CATEGORIES } from "./acl-categories.ts";
import { dryRun } from "./acl-dry-run.ts";
import { deleteUsers, getUser, listUsers, loadUsers, saveUsers, setUser } from "./acl-users.ts";
import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { defineCommands } from "./command.ts";
import { containerOnly, withHelp } from "./container-help.ts";
import { CommandError, cString, wrongSubcommandArguments } from "./errors.ts";
import { replyScore } from "./sorted-sets.ts";

const ADMIN = ["admin", "noscript", "loading", "stale"] as const;
const LOOK = ["noscript", "loading", "stale"] as const;
const LOG_ENTRIES = 10;
const GENERATED_BITS = 256;
const GENERATED_BITS_MAX = 4096;
const BITS_A_DIGIT = 4;

export const aclCommands = defineCommands([
  {
    name: "acl",
    arity: -2,
    flags: [],
    group: "server",
    since: "6.0.0",
    complexity: "Depends on the subcommand",
    summary: "Manages users and what they may do.",
    syntax: "",
    run: containerOnly,
    subcommands: withHelp("acl", "server", "6.0.0", [
      {
        name: "cat",
        arity: -2,
        flags: LOOK,
        group: "server",
        since: "6.0.0",
        complexity: "O(N) in the number of commands",
        summary: "Lists the categories of commands, or the commands of one.",
        syntax: "[categoryname]",
        run: listCategories,
      },
      {
        name: "deluser",
        arity: -3,
        flags: ADMIN,
        group: "server",
        since: "6.0.0",
        complexity: "O(N) in the number of clients",
        summary: "Removes users and closes their connections.",
        syntax: "username [username ...]",
        run: deleteUsers,
      },
      {
        name: "dryrun",
        arity: -4,
        flags: ADMIN,
        group: "server",
        since: "7.0.0",
        complexity: "O(N) in the number of rules of the user",
        summary: "Tells whether a user may run a command, without running it.",
        syntax: "username command [arg [arg ...]]",
        run: dryRun,
      },
      {
        name: "genpass",
        arity: -2,
        flags: LOOK,
        group: "server",
        since: "6.0.0",
        complexity: "O(1)",
        summary: "Makes a random password, of 256 bits unless told.",
        syntax: "[bits]",
        run: generatePassword,
      },
      {
        name: "getuser",
        arity: 3,
        flags: ADMIN,
        group: "server",
        since: "6.0.0",
        complexity: "O(N) in the number of rules of the user",
        summary: "Describes a user.",
        syntax: "username",
        run: getUser,
      },
      {
        name: "list",
        arity: 2,
        flags: ADMIN,
        group: "server",
        since: "6.0.0",
        complexity: "O(N) in the number of users",
        summary: "Gives the lines that an ACL file with all users has.",
        syntax: "",
        run: listUsers,
      },
      {
        name: "load",
        arity: 2,
        flags: ADMIN,
        group: "server",
        since: "6.0.0",
        complexity: "O(N) in the number of users and clients",
        summary: "Replaces all users by those of the ACL file, unless it has mistakes.",
        syntax: "",
        run: loadUsers,
      },
      {
        name: "log",
        arity: -2,
        flags: ADMIN,
        group: "server",
        since: "6.0.0",
        complexity: "O(N) in the number of entries shown",
        summary: "Shows the newest refusals, 10 unless told, or forgets all.",
        syntax: "[count | RESET]",
        run: showLog,
      },
      {
        name: "save",
        arity: 2,
        flags: ADMIN,
        group: "server",
        since: "6.0.0",
        complexity: "O(N) in the number of users",
        summary: "Writes all users into the ACL file.",
        syntax: "",
        run: saveUsers,
      },
      {
        name: "setuser",
        arity: -3,
        flags: ADMIN,
        group: "server",
        since: "6.0.0",
        complexity: "O(N) in the number of rules and clients",
        summary: "Makes or changes a user by rules: all of them, or none if one is wrong.",
        syntax: "username [rule [rule ...]]",
        run: setUser,
      },
      {
        name: "users",
        arity: 2,
        flags: ADMIN,
        group: "server",
        since: "6.0.0",
        complexity: "O(N) in the number of users",
        summary: "Lists the names of all users.",
        syntax: "",
        run: listNames,
      },
      {
        name: "whoami",
        arity: 2,
        flags: LOOK,
        group: "server",
        since: "6.0.0",
        complexity: "O(1)",
        summary: "Gives the name of the connection's user.",
        syntax: "",
        run: (call) => bulkText(call, call.client.userName),
      },
    ]),
  },
]);

/** Text is latin1: bytes. */
function bulkText(call: Call, text: string): void {
  call.reply.bulkBuffer(Buffer.from(text, "latin1"));
}

function checkOptionalArgument(call: Call): void {
  if (call.argc > 3) throw new CommandError(wrongSubcommandArguments("acl", call.text(1)));
}

function listNames(call: Call): void {
  const users = call.server.accessControl.all();
  call.reply.array(users.length);
  for (const { name } of users) bulkText(call, name);
}

function listCategories(call: Call): void {
  checkOptionalArgument(call);
  const { catalogue } = call.server.accessControl;
  const names = call.argc === 2 ? ACL_CATEGORIES : catalogue.idsOf(call.text(2).toLowerCase())?.map(catalogue.fullName);
  if (names === undefined) throw new CommandError(`ERR Unknown category '${cString(call.text(2)).slice(0, 128)}'`);
  call.reply.array(names.length);
  for (const name of names) call.reply.bulkString(name);
}

function generatePassword(call: Call): void {
  checkOptionalArgument(call);
  const bits = call.argc === 2 ? GENERATED_BITS : integerArgument(call, 2);
  if (bits <= 0 || bits > GENERATED_BITS_MAX) {
    throw new CommandError(
      `ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to ${GENERATED_BITS_MAX}`,
    );
  }
  call.reply.bulkString(call.server.random.hex(Math.ceil(bits / BITS_A_DIGIT)));
}

function showLog(call: Call): void {
  checkOptionalArgument(call);
  const { log } = call.server.accessControl;
  if (call.argc === 3 && call.is(2, "reset")) {
    log.reset();
    call.reply.ok();
    return;
  }
  const count = call.argc === 2 ? LOG_ENTRIES : Math.max(0, integerArgument(call, 2));
  const entries = log.newest(count);
  const { reply } = call;
  const nowMs = call.server.clock.nowMs();
  reply.array(entries.length);
  for (const entry of entries) {
    const texts = { reason: entry.reason, context: entry.context, object: entry.object, username: entry.userName };
    const times = { "timestamp-created": entry.createdAtMs, "timestamp-last-updated": entry.updatedAtMs };
    reply.map(10);
    reply.bulkString("count");
    reply.integer(entry.count);
    for (const [name, text] of Object.entries(texts)) {
      reply.bulkString(name);
      bulkText(call, text);
    }
    reply.bulkString("age-seconds");
    replyScore(call, (nowMs - entry.updatedAtMs) / 1000);
    reply.bulkString("client-info");
    bulkText(call, entry.clientInfo);
    reply.bulkString("entry-id");
    reply.integer(entry.id);
    for (const [name, time] of Object.entries(times)) {
      reply.bulkString(name);
      reply.integer(time);
    }
  }
}
