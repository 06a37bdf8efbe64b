/**
 * Client-side caching: remembers which client has read which key, and tells it when the key changes, once; or tells of all
 * keys with a prefix. What a client changes itself it is told behind the reply of the command. Nothing here is touched while
 * nobody tracks.
 */

import type { TrackingFacts } from "../observability/facts.ts";
import { BroadcastPrefixes } from "./broadcast-prefixes.ts";
import { brokenRedirectPush, invalidationMessage, invalidationPush } from "./invalidation-message.ts";
import type { TrackedKeys } from "./tracked-keys.ts";
import type { TrackingClient, TrackingOptions } from "./tracking-state.ts";

export interface ClientTrackingParts {
  readonly keys: TrackedKeys;
  readonly clientWithId: (id: number) => TrackingClient | undefined;
  /** The client whose command runs; undefined: the server changes keys by itself. */
  readonly current: () => TrackingClient | undefined;
  /** `tracking-table-max-keys`; 0: as many as there are. */
  readonly mostKeys: () => number;
  /** Changes of keys are to be told, by `changed`, or not any more. */
  readonly listen: (isOn: boolean) => void;
  /** Calls back when all requests that have come are answered. */
  readonly schedule: (callback: () => void) => void;
}

/** Keys that are given up at a time while there are too many; more each time that this was not enough. */
const EFFORT = 100;

export class ClientTracking {
  readonly #parts: ClientTrackingParts;
  readonly #clients = new Set<TrackingClient>();
  readonly #prefixes = new BroadcastPrefixes();
  /** For the client whose command runs: keys, and undefined for all. */
  #forCurrent: (Buffer | undefined)[] = [];
  #isScheduled = false;
  #timesTooMany = 0;

  constructor(parts: ClientTrackingParts) {
    this.#parts = parts;
  }

  get isActive(): boolean {
    return this.#clients.size > 0;
  }

  facts(): TrackingFacts {
    const { count: keys, items } = this.#parts.keys;
    return { clients: this.#clients.size, keys, items, prefixes: this.#prefixes.count };
  }

  /** Options of a client that tracks already are those that it had, with more prefixes. */
  begin(client: TrackingClient, options: TrackingOptions): void {
    const before = client.tracking;
    const prefixes = before === undefined ? options.prefixes : [...before.prefixes, ...options.prefixes];
    client.tracking = { ...options, prefixes, isCachingAsked: false, isRedirectBroken: false };
    this.#clients.add(client);
    this.#parts.listen(true);
    if (options.isBroadcast) this.#prefixes.add(client, options.prefixes);
  }

  end(client: TrackingClient): void {
    const { tracking } = client;
    if (tracking === undefined) return;
    if (tracking.isBroadcast) this.#prefixes.remove(client, tracking.prefixes);
    client.tracking = undefined;
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    this.#parts.keys.clear();
    this.#parts.listen(false);
  }

  /** The client is gone. */
  forget(client: TrackingClient): void {
    this.end(client);
  }

  /** Whether what the client reads now is to be remembered. */
  remembers({ tracking }: TrackingClient): boolean {
    if (tracking === undefined || tracking.isBroadcast) return false;
    if (tracking.isOptIn) return tracking.isCachingAsked;
    return !(tracking.isOptOut && tracking.isCachingAsked);
  }

  read(client: TrackingClient, buffer: Buffer, offset: number, length: number): void {
    this.#parts.keys.add(client.id, buffer, offset, length);
  }

  /** A key has changed or is gone. */
  changed(buffer: Buffer, offset: number, length: number): void {
    if (this.#clients.size === 0) return;
    const current = this.#parts.current();
    if (this.#prefixes.count > 0) {
      const text = buffer.toString("latin1", offset, offset + length);
      if (this.#prefixes.changed(text, current)) this.#deliverSoon();
    }
    const key = Buffer.from(buffer.subarray(offset, offset + length));
    this.#tell(this.#parts.keys.take(key, 0, key.length), key, current);
  }

  /** All keys are gone. */
  flushed(): void {
    if (this.#clients.size === 0) return;
    const current = this.#parts.current();
    this.#parts.keys.clear();
    for (const client of this.#clients) {
      if (client === current) this.#forCurrent.push(undefined);
      else this.#send(client, undefined);
    }
  }

  /** The command of the current client is over, and its reply written. */
  commandEnded(client: TrackingClient): void {
    if (this.#forCurrent.length === 0) return;
    const keys = this.#forCurrent;
    this.#forCurrent = [];
    for (const key of keys) this.#send(client, key === undefined ? undefined : [key]);
  }

  /** Before the replies of a turn leave: who hears that a key was changed can count on others having been told. */
  turnEnded(): void {
    if (this.#clients.size === 0) return;
    this.#deliver();
    this.limitKeys();
  }

  /** Gives up keys, at random, while there are more than allowed. */
  limitKeys(): void {
    const { keys, mostKeys } = this.#parts;
    const most = mostKeys();
    if (most === 0 || keys.count <= most) {
      this.#timesTooMany = 0;
      return;
    }
    this.#timesTooMany++;
    for (let left = EFFORT * this.#timesTooMany; left > 0 && keys.count > most; left--) {
      const key = keys.any();
      if (key === undefined) return;
      this.#tell(keys.take(key, 0, key.length), key, undefined);
    }
  }

  #tell(ids: readonly number[] | undefined, key: Buffer, current: TrackingClient | undefined): void {
    for (const id of ids ?? []) {
      const client = this.#parts.clientWithId(id);
      const tracking = client?.tracking;
      if (client === undefined || tracking === undefined || tracking.isBroadcast) continue;
      if (client !== current) this.#send(client, [key]);
      else if (!tracking.isNoLoop) this.#forCurrent.push(key);
    }
  }

  #deliverSoon(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // For what changes without a request.
    this.#parts.schedule(() => this.#deliver());
  }

  #deliver(): void {
    if (!this.#isScheduled) return;
    this.#isScheduled = false;
    this.#prefixes.deliver((client, keys) => this.#send(client, keys));
  }

  /** `keys` undefined: all that the client has. */
  #send(client: TrackingClient, keys: readonly Buffer[] | undefined): void {
    const { tracking, protocol } = client;
    if (tracking === undefined) return;
    const { redirect } = tracking;
    const receiver = redirect === 0 ? client : this.#parts.clientWithId(redirect);
    if (receiver === undefined) {
      tracking.isRedirectBroken = true;
      if (protocol === 3) client.connection.send(brokenRedirectPush(redirect));
    } else if (receiver.protocol === 3) receiver.connection.send(invalidationPush(keys));
    else if (redirect !== 0 && isSubscribed(receiver)) receiver.connection.send(invalidationMessage(keys, protocol));
  }
}

function isSubscribed({ channels, patterns, shardChannels }: TrackingClient): boolean {
  return (channels?.size ?? 0) + (patterns?.size ?? 0) + (shardChannels?.size ?? 0) > 0;
}
