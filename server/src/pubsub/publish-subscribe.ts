/**
 * Who listens to which channel, pattern or shard channel, and the delivery of messages. Names are latin1 strings, one
 * character a byte, so they stay binary-safe as keys of a Map.
 *
 * A message is encoded at most once per protocol and shared by all its receivers. Nothing is kept for those who are not
 * there; slow receivers are bounded by their connection. A subscription costs one entry here and one at its client, and
 * both go when the client does.
 */

import { globMatchBuffer } from "@kvcluster/protocol/glob";
import { keySlot } from "@kvcluster/protocol/slots";
import { encodeMessage } from "./message.ts";

/** What delivery needs of a client. */
export interface Subscriber {
  readonly protocol: 2 | 3;
  readonly connection: { send(bytes: Buffer): void };
  channels: Set<string> | undefined;
  patterns: Set<string> | undefined;
  shardChannels: Set<string> | undefined;
}

/** The other nodes of a cluster, to which messages are passed on. */
export interface MessageRelay {
  publish(channel: Buffer, message: Buffer): void;
  publishShard(channel: Buffer, message: Buffer): void;
}

export type SubscriptionKind = "channels" | "patterns" | "shardChannels";

interface Listeners {
  readonly bytes: Buffer;
  readonly subscribers: Set<Subscriber>;
}

type Registry = Map<string, Listeners>;

export class PublishSubscribe {
  readonly #registries: Readonly<Record<SubscriptionKind, Registry>> = {
    channels: new Map(),
    patterns: new Map(),
    shardChannels: new Map(),
  };

  /** False if it was subscribed already. */
  subscribe(subscriber: Subscriber, kind: SubscriptionKind, name: string): boolean {
    subscriber[kind] ??= new Set();
    const own = subscriber[kind];
    if (own.has(name)) return false;
    own.add(name);
    const registry = this.#registries[kind];
    const listeners = registry.get(name);
    if (listeners === undefined) {
      registry.set(name, { bytes: Buffer.from(name, "latin1"), subscribers: new Set([subscriber]) });
    } else listeners.subscribers.add(subscriber);
    return true;
  }

  /** False if it was not subscribed. */
  unsubscribe(subscriber: Subscriber, kind: SubscriptionKind, name: string): boolean {
    if (subscriber[kind]?.delete(name) !== true) return false;
    const registry = this.#registries[kind];
    const listeners = registry.get(name);
    listeners?.subscribers.delete(subscriber);
    if (listeners?.subscribers.size === 0) registry.delete(name);
    return true;
  }

  /** Forgets a client that leaves or resets; no message is sent. */
  forget(subscriber: Subscriber): void {
    for (const kind of ["channels", "patterns", "shardChannels"] as const) {
      for (const name of subscriber[kind] ?? []) this.unsubscribe(subscriber, kind, name);
    }
  }

  /** Delivers to subscribers here; gives how many messages were sent. */
  publish(channel: Buffer, message: Buffer): number {
    const name = channel.toString("latin1");
    const listeners = this.#registries.channels.get(name);
    let receivers = 0;
    if (listeners !== undefined) receivers = deliver(listeners.subscribers, ["message", channel, message]);
    for (const pattern of this.#registries.patterns.values()) {
      if (!globMatchBuffer(pattern.bytes, channel)) continue;
      receivers += deliver(pattern.subscribers, ["pmessage", pattern.bytes, channel, message]);
    }
    return receivers;
  }

  publishShard(channel: Buffer, message: Buffer): number {
    const listeners = this.#registries.shardChannels.get(channel.toString("latin1"));
    return listeners === undefined ? 0 : deliver(listeners.subscribers, ["smessage", channel, message]);
  }

  /** Ends the shard subscriptions of a slot that moved away; each subscriber is told. */
  dropShardChannels(slots: ReadonlySet<number>): void {
    for (const [name, { bytes, subscribers }] of this.#registries.shardChannels) {
      if (!slots.has(keySlot(bytes, 0, bytes.length))) continue;
      for (const subscriber of [...subscribers]) {
        this.unsubscribe(subscriber, "shardChannels", name);
        const rest = subscriber.shardChannels?.size ?? 0;
        subscriber.connection.send(encodeMessage(["sunsubscribe", bytes, rest], subscriber.protocol));
      }
    }
  }

  /** Active names that match a glob, or all. */
  names(kind: SubscriptionKind, pattern: Buffer | undefined): Buffer[] {
    const all = [...this.#registries[kind].values()].map((listeners) => listeners.bytes);
    return pattern === undefined ? all : all.filter((name) => globMatchBuffer(pattern, name));
  }

  subscriberCount(kind: SubscriptionKind, name: string): number {
    return this.#registries[kind].get(name)?.subscribers.size ?? 0;
  }

  /** Distinct names with a subscriber. */
  count(kind: SubscriptionKind): number {
    return this.#registries[kind].size;
  }
}

function deliver(subscribers: ReadonlySet<Subscriber>, parts: readonly (string | Buffer)[]): number {
  const encoded: { 2?: Buffer; 3?: Buffer } = {};
  for (const subscriber of subscribers) {
    const { protocol } = subscriber;
    encoded[protocol] ??= encodeMessage(parts, protocol);
    subscriber.connection.send(encoded[protocol]);
  }
  return subscribers.size;
}
