/** Whether a user may run a command with its arguments: a question to its selectors, one after the other. */

import type { Name, Selector } from "./selector.ts";
import type { User } from "./user.ts";

/** In order of how close the user came to being allowed: of several selectors, the closest tells the reason. */
export const DENIAL_KINDS = ["command", "key", "auth", "channel"] as const;
export type DenialKind = (typeof DENIAL_KINDS)[number];

export interface Denial {
  readonly kind: DenialKind;
  /** The argument that is refused; 0 for the command itself. */
  readonly argument: number;
}

export interface KeyUse extends Name {
  readonly argument: number;
  /** Bits of `KeyPermission` that the command needs. */
  readonly permissions: number;
}

export interface ChannelUse extends Name {
  readonly argument: number;
  readonly isPattern: boolean;
}

/** What a command is about to do; parts are worked out when they are asked for. */
export interface AccessRequest {
  readonly command: number;
  /** Allowed to everybody, as AUTH is. */
  readonly isFree: boolean;
  firstArgument(): string | undefined;
  readonly keys: readonly KeyUse[];
  readonly channels: readonly ChannelUse[];
}

export function denialOf(user: User, request: AccessRequest): Denial | undefined {
  let closest: Denial = { kind: "command", argument: 0 };
  for (const selector of user.selectors) {
    const denial = denialBy(selector, request);
    if (denial === undefined) return undefined;
    if (isCloser(denial, closest)) closest = denial;
  }
  return closest;
}

/** The same where the command would also read any key it likes. */
export function mayReadAnyKey(user: User, request: AccessRequest): boolean {
  return user.selectors.some((selector) => selector.readsAnyKey && denialBy(selector, request) === undefined);
}

function denialBy(selector: Selector, request: AccessRequest): Denial | undefined {
  if (!request.isFree && !selector.allowsCommand(request.command, () => request.firstArgument())) {
    return { kind: "command", argument: 0 };
  }
  if (!selector.allowsAllKeys) {
    for (const key of request.keys) {
      if (!selector.allowsKey(key, key.permissions)) return { kind: "key", argument: key.argument };
    }
  }
  if (!selector.allowsAllChannels) {
    for (const channel of request.channels) {
      if (!selector.allowsChannel(channel, channel.isPattern)) return { kind: "channel", argument: channel.argument };
    }
  }
  return undefined;
}

function isCloser(one: Denial, other: Denial): boolean {
  const difference = DENIAL_KINDS.indexOf(one.kind) - DENIAL_KINDS.indexOf(other.kind);
  return difference > 0 || (difference === 0 && one.argument > other.argument);
}
