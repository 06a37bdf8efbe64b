/** CLIENT KILL in its two forms: one address, or any number of filters that all must hold. */

import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import type { Client } from "./client.ts";
import { ClientFlag } from "./client.ts";
import type { ClientType } from "./client-description.ts";
import { clientType, parseClientType } from "./client-description.ts";
import { closeNow } from "./client-users.ts";
import { CommandError, cString, ERRORS } from "./errors.ts";
import { everyClient } from "./every-client.ts";

export function clientKill(call: Call): void {
  if (call.argc === 3) {
    killAddress(call, call.text(2));
    return;
  }
  const filter = parseFilter(call);
  let killed = 0;
  for (const client of everyClient(call)) {
    if (!isMatch(client, filter, call)) continue;
    killed++;
    kill(call, client);
  }
  call.reply.integer(killed);
}

function killAddress(call: Call, address: string): void {
  const victim = everyClient(call).find((client) => client.address === address);
  if (victim === undefined) throw new CommandError("ERR No such client");
  kill(call, victim);
  call.reply.ok();
}

/** The caller still gets its reply. */
function kill(call: Call, client: Client): void {
  if (client === call.client) client.set(ClientFlag.closeAfterReply, true);
  else closeNow(call, client);
}

interface KillFilter {
  id?: number;
  type?: ClientType;
  user?: string;
  address?: string;
  localAddress?: string;
  maxAgeSeconds?: number;
  skipsCaller: boolean;
}

function parseFilter(call: Call): KillFilter {
  const filter: KillFilter = { skipsCaller: true };
  if (call.argc % 2 !== 0) throw new CommandError(ERRORS.syntax);
  for (let index = 2; index < call.argc; index += 2) readOption(call, index, filter);
  return filter;
}

function readOption(call: Call, index: number, filter: KillFilter): void {
  const value = call.text(index + 1);
  if (call.is(index, "id")) filter.id = readId(call, index + 1);
  else if (call.is(index, "maxage")) filter.maxAgeSeconds = readMaxAge(call, index + 1);
  else if (call.is(index, "type")) filter.type = readType(value);
  else if (call.is(index, "addr")) filter.address = value;
  else if (call.is(index, "laddr")) filter.localAddress = value;
  else if (call.is(index, "user")) filter.user = readUser(call, value);
  else if (call.is(index, "skipme")) filter.skipsCaller = readYesNo(value);
  else throw new CommandError(ERRORS.syntax);
}

function readId(call: Call, index: number): number {
  const error = "ERR client-id should be greater than 0";
  const id = integerArgument(call, index, error);
  if (id < 1) throw new CommandError(error);
  return id;
}

function readMaxAge(call: Call, index: number): number {
  const seconds = integerArgument(call, index, "ERR maxage is not an integer or out of range");
  if (seconds < 1) throw new CommandError("ERR maxage should be greater than 0");
  return seconds;
}

function readType(word: string): ClientType {
  const type = parseClientType(word);
  if (type === undefined) throw new CommandError(`ERR Unknown client type '${cString(word)}'`);
  return type;
}

function readUser(call: Call, name: string): string {
  if (call.server.accessControl.get(name) === undefined) throw new CommandError(`ERR No such user '${cString(name)}'`);
  return name;
}

function readYesNo(word: string): boolean {
  const lower = word.toLowerCase();
  if (lower !== "yes" && lower !== "no") throw new CommandError(ERRORS.syntax);
  return lower === "yes";
}

function isMatch(client: Client, filter: KillFilter, call: Call): boolean {
  if (filter.skipsCaller && client === call.client) return false;
  if (filter.id !== undefined && client.id !== filter.id) return false;
  if (filter.type !== undefined && clientType(client) !== filter.type) return false;
  if (filter.user !== undefined && client.userName !== filter.user) return false;
  if (filter.address !== undefined && client.address !== filter.address) return false;
  if (filter.localAddress !== undefined && client.localAddress !== filter.localAddress) return false;
  return filter.maxAgeSeconds === undefined || call.nowMs - client.createdAtMs >= filter.maxAgeSeconds * 1000;
}
