/**
 * Publish and subscribe. Subscribing answers with one message a name, not with one reply. In RESP2 a subscribed client may
 * then only (un)subscribe, PING, RESET and QUIT; RESP3 sets no such limit.
 */

import type { SubscriptionKind } from "../pubsub/publish-subscribe.ts";
import type { Call } from "./call.ts";
import type { Client } from "./client.ts";
import { ClientFlag, DENIES_BLOCKING } from "./client.ts";
import { defineCommands, keyAt, keyRange } from "./command.ts";
import { containerOnly, withHelp } from "./container-help.ts";
import { CommandError, wrongSubcommandArguments } from "./errors.ts";

const SUBSCRIBE_FLAGS = ["pubsub", "noscript", "loading", "stale"] as const;
const PUBLISH_FLAGS = ["pubsub", "loading", "stale", "fast", "may_replicate"] as const;
const LOOK_FLAGS = ["pubsub", "loading", "stale"] as const;

export const pubsubCommands = defineCommands([
  {
    name: "subscribe",
    arity: -2,
    flags: SUBSCRIBE_FLAGS,
    group: "pubsub",
    since: "2.0.0",
    complexity: "O(N) in the number of channels",
    summary: "Listens to channels.",
    syntax: "channel [channel ...]",
    run: (call) => subscribeOutsideOfStreams(call, "channels", "subscribe"),
  },
  {
    name: "unsubscribe",
    arity: -1,
    flags: SUBSCRIBE_FLAGS,
    group: "pubsub",
    since: "2.0.0",
    complexity: "O(N) in the number of channels",
    summary: "Stops listening to the given channels, or to all.",
    syntax: "[channel [channel ...]]",
    run: (call) => unsubscribe(call, "channels", "unsubscribe"),
  },
  {
    name: "psubscribe",
    arity: -2,
    flags: SUBSCRIBE_FLAGS,
    group: "pubsub",
    since: "2.0.0",
    complexity: "O(N) in the number of patterns",
    summary: "Listens to all channels that match patterns.",
    syntax: "pattern [pattern ...]",
    run: (call) => subscribeOutsideOfStreams(call, "patterns", "psubscribe"),
  },
  {
    name: "punsubscribe",
    arity: -1,
    flags: SUBSCRIBE_FLAGS,
    group: "pubsub",
    since: "2.0.0",
    complexity: "O(N) in the number of patterns",
    summary: "Stops listening to the given patterns, or to all.",
    syntax: "[pattern [pattern ...]]",
    run: (call) => unsubscribe(call, "patterns", "punsubscribe"),
  },
  {
    name: "ssubscribe",
    arity: -2,
    flags: SUBSCRIBE_FLAGS,
    keys: keyRange(1, -1, 1, "not_key"),
    group: "pubsub",
    since: "7.0.0",
    complexity: "O(N) in the number of channels",
    summary: "Listens to shard channels, which live where their slot lives.",
    syntax: "shardchannel [shardchannel ...]",
    run: subscribeShard,
  },
  {
    name: "sunsubscribe",
    arity: -1,
    flags: SUBSCRIBE_FLAGS,
    keys: keyRange(1, -1, 1, "not_key"),
    group: "pubsub",
    since: "7.0.0",
    complexity: "O(N) in the number of channels",
    summary: "Stops listening to the given shard channels, or to all.",
    syntax: "[shardchannel [shardchannel ...]]",
    run: (call) => unsubscribe(call, "shardChannels", "sunsubscribe"),
  },
  {
    name: "publish",
    arity: 3,
    flags: PUBLISH_FLAGS,
    group: "pubsub",
    since: "2.0.0",
    complexity: "O(N+M) in the subscribers of the channel and the patterns of all clients",
    summary: "Sends a message to a channel.",
    syntax: "channel message",
    run: publish,
  },
  {
    name: "spublish",
    arity: 3,
    flags: PUBLISH_FLAGS,
    keys: [keyAt(1, "not_key")],
    group: "pubsub",
    since: "7.0.0",
    complexity: "O(N) in the subscribers of the channel",
    summary: "Sends a message to a shard channel.",
    syntax: "shardchannel message",
    run: shardPublish,
  },
  {
    name: "pubsub",
    arity: -2,
    flags: [],
    group: "pubsub",
    since: "2.8.0",
    complexity: "Depends on the subcommand",
    summary: "Looks at subscriptions.",
    syntax: "",
    run: containerOnly,
    subcommands: withHelp("pubsub", "pubsub", "6.2.0", [
      {
        name: "channels",
        arity: -2,
        flags: LOOK_FLAGS,
        group: "pubsub",
        since: "2.8.0",
        complexity: "O(N) in the number of active channels",
        summary: "Lists the channels that have subscribers.",
        syntax: "[pattern]",
        run: (call) => listNames(call, "channels"),
      },
      {
        name: "numsub",
        arity: -2,
        flags: LOOK_FLAGS,
        group: "pubsub",
        since: "2.8.0",
        complexity: "O(N) in the number of channels given",
        summary: "Gives the number of subscribers of channels, patterns aside.",
        syntax: "[channel [channel ...]]",
        run: (call) => countSubscribers(call, "channels"),
      },
      {
        name: "numpat",
        arity: 2,
        flags: LOOK_FLAGS,
        group: "pubsub",
        since: "2.8.0",
        complexity: "O(1)",
        summary: "Gives the number of patterns that have subscribers.",
        syntax: "",
        run: (call) => call.reply.integer(call.server.pubsub.count("patterns")),
      },
      {
        name: "shardchannels",
        arity: -2,
        flags: LOOK_FLAGS,
        group: "pubsub",
        since: "7.0.0",
        complexity: "O(N) in the number of active shard channels",
        summary: "Lists the shard channels that have subscribers.",
        syntax: "[pattern]",
        run: (call) => listNames(call, "shardChannels"),
      },
      {
        name: "shardnumsub",
        arity: -2,
        flags: LOOK_FLAGS,
        group: "pubsub",
        since: "7.0.0",
        complexity: "O(N) in the number of channels given",
        summary: "Gives the number of subscribers of shard channels.",
        syntax: "[shardchannel [shardchannel ...]]",
        run: (call) => countSubscribers(call, "shardChannels"),
      },
    ]),
  },
]);

function subscribe(call: Call, kind: SubscriptionKind, word: string): void {
  const { client } = call;
  for (let index = 1; index < call.argc; index++) {
    call.server.pubsub.subscribe(client, kind, call.text(index));
    client.set(ClientFlag.subscribed, true);
    confirm(call, word, call.copy(index), subscriptionsOf(client, kind));
  }
}

/** A stream of commands has nobody to hear messages, and a subscriber may not go on to write. */
function subscribeOutsideOfStreams(call: Call, kind: SubscriptionKind, word: string): void {
  if (call.client.has(ClientFlag.primary)) {
    throw new CommandError(`ERR ${word.toUpperCase()} isn't allowed for a DENY BLOCKING client`);
  }
  subscribe(call, kind, word);
}

/** Other than SUBSCRIBE it is refused inside a transaction too, where each command is to give one reply. */
function subscribeShard(call: Call): void {
  if (call.client.has(DENIES_BLOCKING)) {
    throw new CommandError("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
  }
  subscribe(call, "shardChannels", "ssubscribe");
}

function unsubscribe(call: Call, kind: SubscriptionKind, word: string): void {
  const { client } = call;
  const given: string[] = [];
  for (let index = 1; index < call.argc; index++) given.push(call.text(index));
  const names = call.argc > 1 ? given : [...(client[kind] ?? [])];
  for (const name of names) {
    call.server.pubsub.unsubscribe(client, kind, name);
    refreshSubscribed(client);
    confirm(call, word, Buffer.from(name, "latin1"), subscriptionsOf(client, kind));
  }
  if (names.length === 0) confirm(call, word, undefined, subscriptionsOf(client, kind));
}

/** Shard channels are counted apart from channels and patterns. */
function subscriptionsOf(client: Client, kind: SubscriptionKind): number {
  return kind === "shardChannels" ? (client.shardChannels?.size ?? 0) : client.subscriptionCount;
}

function refreshSubscribed(client: Client): void {
  client.set(ClientFlag.subscribed, client.subscriptionCount + (client.shardChannels?.size ?? 0) > 0);
}

function confirm(call: Call, word: string, name: Buffer | undefined, count: number): void {
  const { client, reply } = call;
  const start = reply.position;
  reply.push(3);
  reply.bulkString(word);
  if (name === undefined) reply.nil();
  else reply.bulkBuffer(name);
  reply.integer(count);
  // It is a message rather than a reply: CLIENT REPLY OFF does not hold it back.
  if (!client.has(ClientFlag.replyOff | ClientFlag.replySkip)) return;
  client.connection.send(Buffer.from(reply.buffer.subarray(start, reply.position)));
  reply.position = start;
}

/** Ends all subscriptions without a message: RESET, or the client is gone. */
export function endSubscriptions(call: Call, client: Client): void {
  call.server.pubsub.forget(client);
  client.set(ClientFlag.subscribed, false);
}

function publish(call: Call): void {
  const { server } = call;
  const channel = call.copy(1);
  const message = call.copy(2);
  const receivers = server.pubsub.publish(channel, message);
  if (server.relay !== undefined) {
    server.relay.publish(channel, message);
    call.propagateNothing();
  }
  call.reply.integer(receivers);
}

function shardPublish(call: Call): void {
  const { server } = call;
  const channel = call.copy(1);
  const message = call.copy(2);
  const receivers = server.pubsub.publishShard(channel, message);
  if (server.relay !== undefined) {
    server.relay.publishShard(channel, message);
    call.propagateNothing();
  }
  call.reply.integer(receivers);
}

function listNames(call: Call, kind: SubscriptionKind): void {
  if (call.argc > 3) throw new CommandError(wrongSubcommandArguments("pubsub", call.text(1)));
  const names = call.server.pubsub.names(kind, call.argc > 2 ? call.copy(2) : undefined);
  call.reply.array(names.length);
  for (const name of names) call.reply.bulkBuffer(name);
}

function countSubscribers(call: Call, kind: SubscriptionKind): void {
  call.reply.array((call.argc - 2) * 2);
  for (let index = 2; index < call.argc; index++) {
    call.reply.bulkBuffer(call.copy(index));
    call.reply.integer(call.server.pubsub.subscriberCount(kind, call.text(index)));
  }
}
