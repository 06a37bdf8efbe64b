/** What the command in a call would touch, from its row: keys with what happens to them, and channels. */

import type { AccessRequest, ChannelUse, KeyUse } from "../access-control/permissions.ts";
import { KeyPermission } from "../access-control/selector.ts";
import type { Call } from "./call.ts";
import type { CommandRow, KeyFlag } from "./command.ts";
import { CommandBit, type CommandTable } from "./command-table.ts";
import { keyPositions } from "./key-positions.ts";

export class RequestedAccess implements AccessRequest {
  readonly #call: Call;
  readonly #table: CommandTable;
  readonly command: number;
  #keys: KeyUse[] | undefined;
  #channels: ChannelUse[] | undefined;

  constructor(call: Call, command: number) {
    this.#call = call;
    this.#table = call.server.table;
    this.command = command;
  }

  get isFree(): boolean {
    return ((this.#table.flags[this.command] as number) & CommandBit.noAuth) !== 0;
  }

  firstArgument(): string | undefined {
    return this.#call.argc > 1 ? this.#call.text(1) : undefined;
  }

  get keys(): readonly KeyUse[] {
    this.#keys ??= this.#findKeys();
    return this.#keys;
  }

  get channels(): readonly ChannelUse[] {
    this.#channels ??= this.#findChannels();
    return this.#channels;
  }

  #findKeys(): KeyUse[] {
    if (((this.#table.flags[this.command] as number) & CommandBit.hasKeys) === 0) return [];
    return keyPositions(this.#table.rows[this.command] as CommandRow, this.#call)
      .filter(({ flags }) => !flags.includes("not_key"))
      .map(({ argument, flags }) => ({ ...this.#name(argument), permissions: permissionsFor(flags) }));
  }

  #findChannels(): ChannelUse[] {
    const place = CHANNELS[this.#table.fullNames[this.command] as string];
    if (place === undefined) return [];
    const channels: ChannelUse[] = [];
    const end = place.isOnlyOne ? 2 : this.#call.argc;
    for (let i = 1; i < end; i++) channels.push({ ...this.#name(i), isPattern: place.isPattern });
    return channels;
  }

  #name(argument: number): Omit<KeyUse, "permissions"> {
    const { buffer, offset, length } = this.#call;
    return { argument, buffer, offset: offset[argument] as number, length: length[argument] as number };
  }
}

const PERMISSION_OF_FLAG: Partial<Record<KeyFlag, number>> = {
  access: KeyPermission.read,
  insert: KeyPermission.write,
  delete: KeyPermission.write,
  update: KeyPermission.write,
};

function permissionsFor(flags: readonly KeyFlag[]): number {
  return flags.reduce((permissions, flag) => permissions | (PERMISSION_OF_FLAG[flag] ?? 0), 0);
}

interface ChannelPlace {
  readonly isPattern: boolean;
  /** The first argument; otherwise all. */
  readonly isOnlyOne: boolean;
}

/** Leaving a channel takes no permission. */
const CHANNELS: Readonly<Record<string, ChannelPlace>> = {
  subscribe: { isPattern: false, isOnlyOne: false },
  ssubscribe: { isPattern: false, isOnlyOne: false },
  psubscribe: { isPattern: true, isOnlyOne: false },
  publish: { isPattern: false, isOnlyOne: true },
  spublish: { isPattern: false, isOnlyOne: true },
};
