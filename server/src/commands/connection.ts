/** A client's own connection: who it is (AUTH, HELLO), which protocol and database it uses, and its end. */

import { DEFAULT_USER } from "../access-control/access-control.ts";
import { COMPATIBLE_VERSION } from "../observability/product.ts";
import { int32Argument, integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { ClientFlag } from "./client.ts";
import { checkClientName } from "./client-name.ts";
import { endTracking } from "./client-tracking.ts";
import { beginAsDefault, signIn } from "./client-users.ts";
import { defineCommands } from "./command.ts";
import { CommandError, cString, ERRORS, wrongArity } from "./errors.ts";
import { endSubscriptions } from "./pubsub.ts";
import { resetTransaction } from "./transactions.ts";

const FIRST_CONTACT = ["noscript", "loading", "stale", "fast", "no_auth", "allow_busy"] as const;

export const connectionCommands = defineCommands([
  {
    name: "auth",
    arity: -2,
    flags: FIRST_CONTACT,
    group: "connection",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Authenticates the connection.",
    syntax: "[username] password",
    run: auth,
  },
  {
    name: "hello",
    arity: -1,
    flags: FIRST_CONTACT,
    group: "connection",
    since: "6.0.0",
    complexity: "O(1)",
    summary: "Chooses the protocol, and authenticates and names the connection on the way.",
    syntax: "[protover [AUTH username password] [SETNAME clientname]]",
    run: hello,
  },
  {
    name: "ping",
    arity: -1,
    flags: ["fast"],
    tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
    group: "connection",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Answers, to show that the server is there.",
    syntax: "[message]",
    run: ping,
  },
  {
    name: "echo",
    arity: 2,
    flags: ["loading", "stale", "fast"],
    group: "connection",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Gives its argument back.",
    syntax: "message",
    run: (call) => call.reply.bulk(call.buffer, call.offset[1] as number, call.length[1] as number),
  },
  {
    name: "select",
    arity: 2,
    flags: ["loading", "stale", "fast"],
    group: "connection",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Chooses the database of the connection.",
    syntax: "index",
    run: select,
  },
  {
    name: "quit",
    arity: -1,
    flags: FIRST_CONTACT,
    group: "connection",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Closes the connection after all replies.",
    syntax: "",
    run: quit,
  },
  {
    name: "reset",
    arity: 1,
    flags: FIRST_CONTACT,
    group: "connection",
    since: "6.2.0",
    complexity: "O(1)",
    summary: "Puts the connection back into the state of a new one.",
    syntax: "",
    run: reset,
  },
]);

function auth(call: Call): void {
  if (call.argc > 3) throw new CommandError(ERRORS.syntax);
  if (call.argc === 2 && call.server.accessControl.defaultUser.needsNoPassword) {
    throw new CommandError(
      "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
    );
  }
  signIn(call, call.argc === 3 ? call.text(1) : DEFAULT_USER, call.copy(call.argc - 1));
  call.reply.ok();
}

interface Greeting {
  readonly protocol: 2 | 3;
  readonly credentials: { readonly user: string; readonly password: Buffer } | undefined;
  readonly name: string | undefined;
}

function hello(call: Call): void {
  const { client } = call;
  const { protocol, credentials, name } = parseGreeting(call);
  if (credentials !== undefined) signIn(call, credentials.user, credentials.password);
  if (client.has(ClientFlag.unauthenticated)) {
    throw new CommandError(
      "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
    );
  }
  if (name !== undefined) client.name = name;
  client.protocol = protocol;
  call.reply.resp3 = protocol === 3;
  describeServer(call);
}

function parseGreeting(call: Call): Greeting {
  const { argc } = call;
  if (argc === 1) return { protocol: call.client.protocol, credentials: undefined, name: undefined };
  const version = integerArgument(call, 1, "ERR Protocol version is not an integer or out of range");
  if (version !== 2 && version !== 3) throw new CommandError(ERRORS.protocolVersion);
  let credentials: Greeting["credentials"];
  let name: string | undefined;
  let index = 2;
  while (index < argc) {
    if (call.is(index, "auth") && index + 2 < argc) {
      credentials = { user: call.text(index + 1), password: call.copy(index + 2) };
      index += 3;
    } else if (call.is(index, "setname") && index + 1 < argc) {
      name = checkClientName(call.text(index + 1));
      index += 2;
    } else {
      throw new CommandError(`ERR Syntax error in HELLO option '${cString(call.text(index))}'`);
    }
  }
  return { protocol: version, credentials, name };
}

function describeServer(call: Call): void {
  const { reply, server, client } = call;
  const isReplica = server.facts.replication().primaryLink !== undefined;
  reply.map(7);
  reply.bulkString("server");
  reply.bulkString("redis");
  reply.bulkString("version");
  reply.bulkString(COMPATIBLE_VERSION);
  reply.bulkString("proto");
  reply.integer(client.protocol);
  reply.bulkString("id");
  reply.integer(client.id);
  reply.bulkString("mode");
  reply.bulkString(server.isClusterEnabled ? "cluster" : "standalone");
  reply.bulkString("role");
  reply.bulkString(isReplica ? "replica" : "master");
  reply.bulkString("modules");
  reply.array(0);
}

function ping(call: Call): void {
  const { client, reply } = call;
  if (call.argc > 2) throw new CommandError(wrongArity("ping"));
  const isSubscribed = client.protocol === 2 && client.has(ClientFlag.subscribed);
  if (call.argc === 1 && !isSubscribed) {
    reply.raw(PONG);
    return;
  }
  if (isSubscribed) {
    reply.array(2);
    reply.bulkString("pong");
  }
  if (call.argc === 1) reply.bulkString("");
  else reply.bulk(call.buffer, call.offset[1] as number, call.length[1] as number);
}

const PONG = Buffer.from("+PONG\r\n");

function select(call: Call): void {
  const { server, client } = call;
  const index = int32Argument(call, 1);
  if (server.isClusterEnabled && index !== 0) throw new CommandError("ERR SELECT is not allowed in cluster mode");
  if (index < 0 || index >= server.keyspace.databaseCount) throw new CommandError(ERRORS.databaseIndexOutOfRange);
  client.databaseIndex = index;
  call.db = server.keyspace.database(index);
  call.reply.ok();
}

function quit(call: Call): void {
  call.client.set(ClientFlag.closeAfterReply, true);
  call.reply.ok();
}

function reset(call: Call): void {
  const { client, server } = call;
  resetTransaction(call, client);
  endSubscriptions(call, client);
  server.monitors.remove(client);
  endTracking(call);
  client.set(
    ClientFlag.monitor |
      ClientFlag.asking |
      ClientFlag.readOnly |
      ClientFlag.replyOff |
      ClientFlag.replySkip |
      ClientFlag.replySkipNext |
      ClientFlag.noEvict |
      ClientFlag.noTouch,
    false,
  );
  client.databaseIndex = 0;
  call.db = server.keyspace.database(0);
  client.name = "";
  client.protocol = 2;
  call.reply.resp3 = false;
  beginAsDefault(client, server);
  call.reply.status("RESET");
}
