/** CLIENT: connections seen from inside: names, lists, killing, pausing, the form of replies. */

import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { ClientFlag } from "./client.ts";
import { clientType, describeClient, parseClientType } from "./client-description.ts";
import { clientKill } from "./client-kill.ts";
import { checkClientInfo, checkClientName } from "./client-name.ts";
import { clientTrackingRows } from "./client-tracking.ts";
import { defineCommands } from "./command.ts";
import { containerOnly, withHelp } from "./container-help.ts";
import { CommandError, cString, ERRORS, wrongSubcommandArguments } from "./errors.ts";
import { everyClient } from "./every-client.ts";

const OWN = ["noscript", "loading", "stale"] as const;
const ADMIN = ["admin", "noscript", "loading", "stale"] as const;

export const clientCommands = defineCommands([
  {
    name: "client",
    arity: -2,
    flags: [],
    group: "connection",
    since: "2.4.0",
    complexity: "Depends on the subcommand",
    summary: "Looks at and changes connections.",
    syntax: "",
    run: containerOnly,
    subcommands: withHelp("client", "connection", "5.0.0", [
      {
        name: "id",
        arity: 2,
        flags: OWN,
        group: "connection",
        since: "5.0.0",
        complexity: "O(1)",
        summary: "Gives the id of the connection.",
        syntax: "",
        run: (call) => call.reply.integer(call.client.id),
      },
      {
        name: "info",
        arity: 2,
        flags: OWN,
        tips: ["nondeterministic_output"],
        group: "connection",
        since: "6.2.0",
        complexity: "O(1)",
        summary: "Describes the connection.",
        syntax: "",
        run: (call) => call.reply.verbatim(`${describeClient(call, call.client)}\n`),
      },
      {
        name: "list",
        arity: -2,
        flags: ADMIN,
        tips: ["nondeterministic_output"],
        group: "connection",
        since: "2.4.0",
        complexity: "O(N) in the number of connections",
        summary: "Describes connections, a line each.",
        syntax: "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]",
        run: clientList,
      },
      {
        name: "kill",
        arity: -3,
        flags: ADMIN,
        group: "connection",
        since: "2.4.0",
        complexity: "O(N) in the number of connections",
        summary: "Closes connections.",
        syntax:
          "ip:port | <[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | [USER username] | [ADDR ip:port] | [LADDR ip:port] | [SKIPME yes/no] | [MAXAGE maxage] ...>",
        run: clientKill,
      },
      {
        name: "setname",
        arity: 3,
        flags: OWN,
        group: "connection",
        since: "2.6.9",
        complexity: "O(1)",
        summary: "Names the connection.",
        syntax: "connection-name",
        run: clientSetname,
      },
      {
        name: "getname",
        arity: 2,
        flags: OWN,
        group: "connection",
        since: "2.6.9",
        complexity: "O(1)",
        summary: "Gives the name of the connection.",
        syntax: "",
        run: clientGetname,
      },
      {
        name: "setinfo",
        arity: 4,
        flags: OWN,
        group: "connection",
        since: "7.2.0",
        complexity: "O(1)",
        summary: "Tells the name or version of the client's library.",
        syntax: "LIB-NAME libname | LIB-VER libver",
        run: clientSetinfo,
      },
      {
        name: "reply",
        arity: 3,
        flags: OWN,
        group: "connection",
        since: "3.2.0",
        complexity: "O(1)",
        summary: "Turns replies off, on, or off for the next command.",
        syntax: "ON | OFF | SKIP",
        run: clientReply,
      },
      {
        name: "no-evict",
        arity: 3,
        flags: ADMIN,
        group: "connection",
        since: "7.0.0",
        complexity: "O(1)",
        summary: "Keeps the connection when clients are closed for memory.",
        syntax: "ON | OFF",
        run: (call) => setSwitch(call, ClientFlag.noEvict),
      },
      {
        name: "no-touch",
        arity: 3,
        flags: OWN,
        group: "connection",
        since: "7.2.0",
        complexity: "O(1)",
        summary: "Lets the connection read keys without renewing their age.",
        syntax: "ON | OFF",
        run: (call) => setSwitch(call, ClientFlag.noTouch),
      },
      {
        name: "pause",
        arity: -3,
        flags: ADMIN,
        group: "connection",
        since: "2.9.50",
        complexity: "O(N) in the number of connections",
        summary: "Holds the requests of clients back for a while.",
        syntax: "timeout [WRITE | ALL]",
        run: clientPause,
      },
      {
        name: "unpause",
        arity: 2,
        flags: ADMIN,
        group: "connection",
        since: "6.2.0",
        complexity: "O(N) in the number of connections",
        summary: "Ends a pause.",
        syntax: "",
        run: clientUnpause,
      },
      {
        name: "unblock",
        arity: -3,
        flags: ADMIN,
        group: "connection",
        since: "5.0.0",
        complexity: "O(1)",
        summary: "Ends the waiting of a client in a blocking command.",
        syntax: "client-id [TIMEOUT | ERROR]",
        run: clientUnblock,
      },
      ...clientTrackingRows,
    ]),
  },
]);

function clientList(call: Call): void {
  let clients = everyClient(call);
  if (call.argc === 4 && call.is(2, "type")) {
    const type = parseClientType(call.text(3));
    if (type === undefined) throw new CommandError(`ERR Unknown client type '${cString(call.text(3))}'`);
    clients = clients.filter((client) => clientType(client) === type);
  } else if (call.argc >= 4 && call.is(2, "id")) {
    const ids: number[] = [];
    for (let index = 3; index < call.argc; index++) ids.push(integerArgument(call, index, "ERR Invalid client ID"));
    const known = new Map(clients.map((client) => [client.id, client]));
    clients = ids.flatMap((id) => known.get(id) ?? []);
  } else if (call.argc !== 2) {
    throw new CommandError(ERRORS.syntax);
  }
  call.reply.verbatim(clients.map((client) => `${describeClient(call, client)}\n`).join(""));
}

function clientSetname(call: Call): void {
  call.client.name = checkClientName(call.text(2));
  call.reply.ok();
}

function clientGetname(call: Call): void {
  if (call.client.name === "") call.reply.nil();
  else call.reply.bulkString(call.client.name);
}

function clientSetinfo(call: Call): void {
  const value = call.text(3);
  if (call.is(2, "lib-name")) call.client.libraryName = checkClientInfo("lib-name", value);
  else if (call.is(2, "lib-ver")) call.client.libraryVersion = checkClientInfo("lib-ver", value);
  else throw new CommandError(`ERR Unrecognized option '${cString(call.text(2))}'`);
  call.reply.ok();
}

function clientReply(call: Call): void {
  const { client } = call;
  if (call.is(2, "on")) {
    client.set(ClientFlag.replyOff | ClientFlag.replySkip | ClientFlag.replySkipNext, false);
    call.reply.ok();
  } else if (call.is(2, "off")) {
    client.set(ClientFlag.replyOff, true);
  } else if (call.is(2, "skip")) {
    if (!client.has(ClientFlag.replyOff)) client.set(ClientFlag.replySkipNext, true);
  } else {
    throw new CommandError(ERRORS.syntax);
  }
}

function setSwitch(call: Call, flag: number): void {
  if (!call.is(2, "on") && !call.is(2, "off")) throw new CommandError(ERRORS.syntax);
  call.client.set(flag, call.is(2, "on"));
  call.reply.ok();
}

function clientPause(call: Call): void {
  const isWriteOnly = call.argc === 4 && call.is(3, "write");
  if (call.argc > 4) throw new CommandError(ERRORS.syntax);
  if (call.argc === 4 && !isWriteOnly && !call.is(3, "all")) {
    throw new CommandError("ERR CLIENT PAUSE mode must be WRITE or ALL");
  }
  const durationMs = integerArgument(call, 2, "ERR timeout is not an integer or out of range");
  if (durationMs < 0) throw new CommandError("ERR timeout is negative");
  call.server.pause.pause("client", durationMs, isWriteOnly ? "write" : "all");
  call.reply.ok();
}

function clientUnpause(call: Call): void {
  call.server.pause.unpause("client");
  call.reply.ok();
}

function clientUnblock(call: Call): void {
  const isError = call.argc === 4 && call.is(3, "error");
  if (call.argc > 4) throw new CommandError(wrongSubcommandArguments("client", call.text(1)));
  if (call.argc === 4 && !isError && !call.is(3, "timeout")) {
    throw new CommandError("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
  }
  const client = call.server.clients.get(integerArgument(call, 2));
  const isUnblocked = client?.has(ClientFlag.blocked) === true && call.server.unblock(client, isError);
  call.reply.integer(isUnblocked ? 1 : 0);
}
