/**
 * Clients and their users: signing in, and what a change of users does to those that are connected. A client whose user may
 * do everything carries no mark; any other is marked `restricted`, and only its commands are checked.
 */

import type { UserChange } from "../access-control/access-control.ts";
import type { AccessContext } from "../access-control/access-log.ts";
import { lostChannels } from "../access-control/channel-loss.ts";
import type { DenialKind } from "../access-control/permissions.ts";
import type { User } from "../access-control/user.ts";
import type { Call } from "./call.ts";
import { type Client, ClientFlag } from "./client.ts";
import { describeClient } from "./client-description.ts";
import type { ServerContext } from "./context.ts";
import { CommandError, ERRORS } from "./errors.ts";
import { endSubscriptions } from "./pubsub.ts";

/** A connection begins as the default user, signed in if that takes no password. */
export function beginAsDefault(client: Client, { accessControl }: Pick<ServerContext, "accessControl">): void {
  becomeUser(client, accessControl.defaultUser);
  client.set(ClientFlag.unauthenticated, accessControl.requiresAuthentication);
}

function becomeUser(client: Client, user: User): void {
  client.user = user;
  client.set(ClientFlag.restricted, !user.isUnrestricted);
}

/** ACL LOG must not keep whatever is sent as a name. */
const LOGGED_NAME = 1024;

/** AUTH and HELLO AUTH. */
export function signIn(call: Call, userName: string, password: Buffer): void {
  const user = call.server.accessControl.authenticate(userName, password);
  if (user === undefined) {
    const context = call.client.has(ClientFlag.multi | ClientFlag.inExec) ? "multi" : "toplevel";
    recordDenial(call, { kind: "auth", context, object: call.text(0), userName: userName.slice(0, LOGGED_NAME) });
    throw new CommandError(ERRORS.wrongPassword);
  }
  becomeUser(call.client, user);
  call.client.set(ClientFlag.unauthenticated, false);
}

export interface DenialRecord {
  readonly kind: DenialKind;
  readonly context: AccessContext;
  readonly object: string;
  readonly userName: string;
}

/** Into ACL LOG and the counters of INFO. */
export function recordDenial(call: Call, { kind, context, object, userName }: DenialRecord): void {
  const { accessControl } = call.server;
  accessControl.denials[kind]++;
  accessControl.log.add(
    {
      reason: kind,
      context,
      object,
      userName,
      clientInfo: describeClient(call, call.client),
    },
    call.server.clock.nowMs(),
  );
}

/** After a user has changed: marks its clients anew, and closes those with subscriptions that it may no longer have. */
export function userChanged(call: Call, { user, before }: UserChange): void {
  const isLost = before === undefined ? undefined : lostChannels(before, user);
  for (const client of [...call.server.clients.all()]) {
    if (client.user !== user) continue;
    becomeUser(client, user);
    const channels = [...(client.channels ?? []), ...(client.shardChannels ?? [])];
    if (isLost?.({ channels, patterns: client.patterns ?? [] }) === true) signOut(call, client);
  }
}

export function userGone(call: Call, user: User): void {
  for (const client of [...call.server.clients.all()]) if (client.user === user) signOut(call, client);
}

/** Closes the connection; the caller still gets its reply. */
function signOut(call: Call, client: Client): void {
  becomeUser(client, call.server.accessControl.defaultUser);
  client.set(ClientFlag.unauthenticated, true);
  if (client === call.client) client.set(ClientFlag.closeAfterReply, true);
  else closeNow(call, client);
}

/** Closes another's connection; from now on it counts neither as a subscriber nor as a client. */
export function closeNow(call: Call, client: Client): void {
  endSubscriptions(call, client);
  call.server.clients.remove(client);
  client.connection.destroy();
}
