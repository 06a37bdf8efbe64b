/** Which subscriptions a user may no longer have after a change: its clients that hold one are to be closed. */

import type { Selector } from "./selector.ts";
import type { User } from "./user.ts";

export interface Subscriptions {
  readonly channels: Iterable<string>;
  readonly patterns: Iterable<string>;
}

/** Undefined if nothing can have been lost. Names are latin1 texts. */
export function lostChannels(before: User, after: User): ((held: Subscriptions) => boolean) | undefined {
  if (after.selectors.some((selector) => selector.allowsAllChannels)) return undefined;
  const kept = new Set(after.selectors.flatMap((selector) => selector.channels.map(({ text }) => text)));
  const hadAll = before.selectors.some((selector) => selector.allowsAllChannels);
  const had = before.selectors.flatMap((selector) => selector.channels.map(({ text }) => text));
  if (!hadAll && had.every((text) => kept.has(text))) return undefined;
  return ({ channels, patterns }) => {
    for (const pattern of patterns) if (!kept.has(pattern)) return true;
    for (const channel of channels) if (!after.selectors.some((selector) => mayUse(selector, channel))) return true;
    return false;
  };
}

function mayUse(selector: Selector, channel: string): boolean {
  const buffer = Buffer.from(channel, "latin1");
  return selector.allowsChannel({ buffer, offset: 0, length: buffer.length }, false);
}
