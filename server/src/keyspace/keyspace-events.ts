/**
 * Keyspace events on their way out: a command tells that something happened to a key, and if somebody may want to know, it
 * is published on the channels of the key and of the event. Where `notify-keyspace-events` is empty this costs one test.
 *
 * A command tells an event before the header of its reply or behind the whole of it, never in between: a client that listens
 * to what it does itself gets the message at that place.
 */

import { EventClass } from "./event-classes.ts";

/** Publishes a message on a channel of this server only. */
export type PublishEvent = (channel: Buffer, message: Buffer) => void;

const CHANNELS = EventClass.keyspace | EventClass.keyevent;

export class KeyspaceEvents {
  /** The classes that are published: 0 unless one of the kinds of channels is on. A plain field, asked by each write. */
  mask = 0;
  publish: PublishEvent = () => undefined;
  #flags = 0;

  /** Takes the bits of `notify-keyspace-events`. */
  set flags(flags: number) {
    this.#flags = flags;
    this.mask = (flags & CHANNELS) === 0 ? 0 : flags & ~CHANNELS;
  }

  /** To be called only if `mask` has the class. Redis' order: the key's channel, then the event's. */
  send(event: string, databaseIndex: number, key: Buffer): void {
    if ((this.#flags & EventClass.keyspace) !== 0) {
      const prefix = Buffer.from(`__keyspace@${databaseIndex}__:`);
      this.publish(Buffer.concat([prefix, key]), Buffer.from(event));
    }
    if ((this.#flags & EventClass.keyevent) !== 0) {
      this.publish(Buffer.from(`__keyevent@${databaseIndex}__:${event}`), key);
    }
  }
}
