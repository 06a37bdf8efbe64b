/** The subcommands of ACL that show, change, load and save users. Names and rules are latin1 texts: bytes. */

import type { AccessControl } from "../access-control/access-control.ts";
import { DEFAULT_USER } from "../access-control/access-control.ts";
import { type AclFile, describeUserLine, formatAclFile, parseAclFile } from "../access-control/acl-file.ts";
import type { Selector } from "../access-control/selector.ts";
import type { User } from "../access-control/user.ts";
import { describeSystemError } from "../platform/system-error.ts";
import type { Call } from "./call.ts";
import { userChanged, userGone } from "./client-users.ts";
import { CommandError } from "./errors.ts";

const NO_FILE =
  "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration.";

export function setUser(call: Call): void {
  const words: string[] = [];
  for (let i = 3; i < call.argc; i++) words.push(call.text(i));
  const outcome = call.server.accessControl.setUser(call.text(2), words);
  if (typeof outcome === "string") throw new CommandError(`ERR ${outcome}`);
  userChanged(call, outcome);
  call.reply.ok();
}

export function deleteUsers(call: Call): void {
  const { accessControl } = call.server;
  const names: string[] = [];
  for (let i = 2; i < call.argc; i++) names.push(call.text(i));
  // Before any of the others is gone.
  if (names.includes(DEFAULT_USER)) throw new CommandError("ERR The 'default' user cannot be removed");
  let deleted = 0;
  for (const name of names) {
    const user = accessControl.delete(name);
    if (user === undefined) continue;
    userGone(call, user);
    deleted++;
  }
  call.reply.integer(deleted);
}

export function getUser(call: Call): void {
  const { reply } = call;
  const user = call.server.accessControl.get(call.text(2));
  if (user === undefined) {
    reply.nil();
    return;
  }
  const [root, ...others] = user.selectors;
  const flags = user.flagNames();
  reply.map(6);
  reply.bulkString("flags");
  reply.set(flags.length);
  for (const flag of flags) reply.bulkString(flag);
  reply.bulkString("passwords");
  reply.array(user.passwords.length);
  for (const hash of user.passwords) reply.bulkString(hash);
  describeSelector(call, root);
  reply.bulkString("selectors");
  reply.array(others.length);
  for (const selector of others) {
    reply.map(3);
    describeSelector(call, selector);
  }
}

function describeSelector(call: Call, selector: Selector): void {
  const parts = {
    commands: selector.describeCommands(),
    keys: selector.describeKeys(),
    channels: selector.describeChannels(),
  };
  for (const [name, text] of Object.entries(parts)) {
    call.reply.bulkString(name);
    call.reply.bulkBuffer(Buffer.from(text, "latin1"));
  }
}

export function listUsers(call: Call): void {
  const users = call.server.accessControl.all();
  call.reply.array(users.length);
  for (const user of users) call.reply.bulkBuffer(Buffer.from(describeUserLine(user), "latin1"));
}

export function loadUsers(call: Call): void {
  const { aclFile, accessControl } = call.server;
  if (aclFile === undefined) throw new CommandError(NO_FILE);
  const users = readAclFile(aclFile, accessControl);
  if (typeof users === "string") throw new CommandError(`ERR ${users}`);
  const { changes, gone } = accessControl.replaceAll(users);
  for (const user of gone) userGone(call, user);
  for (const change of changes) userChanged(call, change);
  call.reply.ok();
}

/** The users of the file, or why it cannot be used. */
export function readAclFile(file: AclFile, control: AccessControl): User[] | string {
  let text: string;
  try {
    text = file.read();
  } catch (error) {
    return `Error loading ACLs, opening file '${file.path}': ${describeSystemError(error)}`;
  }
  return parseAclFile(text, file.path, control);
}

export function saveUsers(call: Call): void {
  const { aclFile, accessControl, logger } = call.server;
  if (aclFile === undefined) throw new CommandError(NO_FILE);
  try {
    aclFile.write(formatAclFile(accessControl.all()));
  } catch (error) {
    logger.warning(`Cannot save the users to "${aclFile.path}": ${describeSystemError(error)}`);
    throw new CommandError(
      "ERR There was an error trying to save the ACLs. Please check the server logs for more information",
    );
  }
  call.reply.ok();
}
