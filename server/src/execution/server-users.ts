/** The users of a server as its configuration has them: `requirepass`, `user` lines or the file that `aclfile` names. */

import path from "node:path";
import { AccessControl } from "../access-control/access-control.ts";
import type { AclFile } from "../access-control/acl-file.ts";
import { applyUserDirectives } from "../access-control/user-directives.ts";
import { createCommandCatalogue } from "../commands/acl-catalogue.ts";
import { readAclFile } from "../commands/acl-users.ts";
import type { CommandTable } from "../commands/command-table.ts";
import type { Config } from "../config/config.ts";
import { bytesOfText, ConfigFileError } from "../config/config-file.ts";
import type { Disk } from "../platform/disk.ts";
import { readTextFile, replaceTextFile } from "../platform/text-file.ts";

export interface ServerUsers {
  readonly accessControl: AccessControl;
  readonly aclFile: AclFile | undefined;
}

/** Throws ConfigFileError: with users that are not as meant, a server is better not started. */
export function createServerUsers(
  { config, userLines }: { readonly config: Config; readonly userLines: readonly (readonly string[])[] },
  table: CommandTable,
  disk: Disk,
): ServerUsers {
  const accessControl = new AccessControl({
    catalogue: createCommandCatalogue(table),
    allowsChannels: () => config.get("acl-pubsub-default") === "allchannels",
    logLength: () => config.get("acllog-max-len"),
  });
  followPassword(config, accessControl);
  const aclFile = aclFileOf(config, disk);
  if (aclFile === undefined) applyLines(accessControl, userLines);
  else if (userLines.length === 0) applyFile(accessControl, aclFile);
  else throw new ConfigFileError(BOTH);
  return { accessControl, aclFile };
}

/** What CONFIG REWRITE writes of users: nothing where they have a file of their own. */
export function userLinesOf({ accessControl, aclFile }: ServerUsers): string[] {
  if (aclFile !== undefined) return [];
  return accessControl.all().map((user) => `${user.name} ${user.describe()}`);
}

const BOTH =
  "Configuring Redis with users defined in redis.conf and at the same setting an ACL file path is invalid. This setup is very likely to lead to configuration errors and security holes, please define either an ACL file or declare users directly in your redis.conf, but not both.";

function followPassword(config: Config, accessControl: AccessControl): void {
  const apply = (): undefined => accessControl.setDefaultPassword(bytesOfText(config.get("requirepass")));
  if (config.get("requirepass") !== "") apply();
  config.onChange(["requirepass"], apply);
}

function aclFileOf(config: Config, disk: Disk): AclFile | undefined {
  const name = config.get("aclfile");
  if (name === "") return undefined;
  const file = path.resolve(config.get("dir"), name);
  return {
    path: name,
    read: () => readTextFile(disk, file),
    write: (text) => replaceTextFile(disk, file, text),
  };
}

function applyLines(accessControl: AccessControl, lines: readonly (readonly string[])[]): void {
  const mistake = applyUserDirectives(accessControl, lines);
  if (mistake !== undefined) {
    throw new ConfigFileError(`Error in user declaration '${mistake.name}': ${mistake.reason}`);
  }
}

function applyFile(accessControl: AccessControl, file: AclFile): void {
  const users = readAclFile(file, accessControl);
  if (typeof users === "string") throw new ConfigFileError(`Aborting startup because of ACL errors: ${users}`);
  accessControl.replaceAll(users);
}
