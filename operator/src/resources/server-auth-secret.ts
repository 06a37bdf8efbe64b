/**
 * The password that the servers run with, and their declared users: as a piece of redis.conf, mounted into them as a file, and the
 * password plain, for whoever talks to them on the operator's behalf. It is the memory of which password is in use, whatever its
 * source says later, and of the one before as long as servers accept that too.
 */

import { PASSWORD_KEY } from "./auth-secret.ts";
import { REMOVED_USERS_KEY } from "./declared-users.ts";
import {
  type ChildContext,
  childMetadata,
  decodeData,
  encodeData,
  type Manifest,
  type OldPassword,
} from "./manifest.ts";
import { serverAuthSecretName } from "./names.ts";
import { AUTH_FILE, authConfig } from "./server-config.ts";

const OLD_PASSWORD_KEY = "old-password";
const OLD_PASSWORD_UNTIL_ANNOTATION = "kvcluster.dev/old-password-until";

export function serverAuthSecret({ cluster, password, oldPassword, users }: ChildContext): readonly Manifest[] {
  const metadata = childMetadata(cluster, serverAuthSecretName(cluster.metadata.name));
  const lines = [...users.lines.values()].map((line) => `${line}\n`).join("");
  const removed = users.removed.length === 0 ? {} : { [REMOVED_USERS_KEY]: users.removed.join(" ") };
  const fields = { [AUTH_FILE]: authConfig(password) + lines, [PASSWORD_KEY]: password, ...removed };
  if (oldPassword === undefined) {
    return [{ apiVersion: "v1", kind: "Secret", metadata, type: "Opaque", data: encodeData(fields) }];
  }
  const annotations = { [OLD_PASSWORD_UNTIL_ANNOTATION]: oldPassword.until };
  const data = encodeData({ ...fields, [OLD_PASSWORD_KEY]: oldPassword.password });
  return [{ apiVersion: "v1", kind: "Secret", metadata: { ...metadata, annotations }, type: "Opaque", data }];
}

/** The password before, while it is kept. */
export function oldPasswordOf(secret: Manifest | undefined): OldPassword | undefined {
  const password = decodeData(secret?.data, OLD_PASSWORD_KEY);
  const until = secret?.metadata.annotations?.[OLD_PASSWORD_UNTIL_ANNOTATION];
  return password === undefined || until === undefined ? undefined : { password, until };
}
