/** The command line of kv-backup. What makes no sense is refused with a sentence that names the option. */

import type { TlsFiles } from "./outside-socket.ts";
import { isS3, S3_VALUES, type S3Address, s3Address } from "./s3-address.ts";
import { TLS_FLAG, TLS_VALUES, tlsFiles } from "./tls-options.ts";

export class UsageError extends Error {}

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

export interface BackupShardSource {
  readonly index: number;
  /** Tried one after another. */
  readonly addresses: readonly HostAndPort[];
  /** As the caller knows them; undefined: the source is asked. */
  readonly slots: string | undefined;
}

/** Where the backup is: a directory, unless it is elsewhere. */
interface Placed {
  readonly directory: string;
  readonly s3: S3Address | undefined;
}

export interface TakeBackup extends Placed {
  readonly kind: "take";
  readonly shards: readonly BackupShardSource[];
  readonly userName: string;
  readonly passwordFile: string;
  /** Undefined: without TLS. */
  readonly tls: TlsFiles | undefined;
  readonly name: string;
  readonly cluster: string;
  readonly verify: boolean;
  readonly resultFile: string | undefined;
}

export interface DeleteBackup extends Placed {
  readonly kind: "delete";
  readonly resultFile: string | undefined;
}

export interface RestoreBackup extends Placed {
  readonly kind: "restore";
  /** Of the server or cluster that takes it, tried one after another. */
  readonly addresses: readonly HostAndPort[];
  readonly userName: string;
  readonly passwordFile: string;
  /** Undefined: without TLS. */
  readonly tls: TlsFiles | undefined;
  /** Keys that are there already are replaced. */
  readonly replace: boolean;
  /** Names the target: into it this backup is restored once. */
  readonly once: string | undefined;
  readonly resultFile: string | undefined;
}

export type BackupTask = TakeBackup | DeleteBackup | RestoreBackup | { readonly kind: "help" };

export const USAGE = `Usage: kv-backup --directory DIR --source 0=host:port[,host:port...] [--source 1=...] [options]
       kv-backup --restore DIR --to host:port[,host:port...] [--replace | --once NAME] [options]
       kv-backup --delete DIR

Takes one RDB file of each shard over the replication protocol, checks it, and writes a manifest beside the files.
Several addresses of a shard are tried in turn. Restoring puts every key of a backup where its slot is now, into
a cluster of any number of shards or a single server.

Options:
  DIR                   a directory, or s3://bucket/key in an S3-compatible store
  --s3-endpoint URL     of the store; default: Amazon's
  --s3-region NAME      default: us-east-1
  --s3-credentials DIR  holds files access-key-id and secret-access-key, and maybe session-token and ca.crt;
                        default: what the environment says, as for Amazon's own programs
  --scratch DIR         where files lie on their way to or from S3; default: the system's directory for that
  --slots I=RANGES      slots of shard I for the manifest; default: the source is asked
  --user NAME           user to authenticate as
  --password-file FILE  file that holds the password
  --tls                 by TLS; with an authority of your own every certificate of it is trusted
  --cacert FILE         the authority; default: those of the system, and names are checked too
  --cert FILE, --key FILE  certificate and key for servers that ask for them
  --name NAME           name of the backup, for the manifest
  --cluster NAME        name of the cluster, for the manifest
  --no-verify           do not read the files back
  --replace             restore keys that exist already; without it the first such key ends the restore
  --once NAME           restore into the target of this name once, however often it is started: the target must be
                        empty; what a run before has begun is gone on with, what it has finished is not done again
  --result-file FILE    where the result goes besides standard output; default: /dev/termination-log if it is there
`;

const FLAGS = new Set([TLS_FLAG, "--verify", "--no-verify", "--replace", "--help", "-h"]);
const VALUES = new Set([
  ...["--directory", "--source", "--slots", "--user", "--password-file"],
  ...["--name", "--cluster", "--result-file", "--delete", "--restore", "--to", "--once"],
  ...TLS_VALUES,
  ...S3_VALUES,
]);
const MAX_PORT = 65535;
/** It becomes part of a file name. */
const TARGET_NAME = /^[A-Za-z0-9-]{1,64}$/;

export function parseBackupArguments(words: readonly string[]): BackupTask {
  const values = new Map<string, string[]>();
  const flags = new Set<string>();
  for (let k = 0; k < words.length; k++) {
    const word = words[k] as string;
    if (FLAGS.has(word)) {
      flags.add(word);
      continue;
    }
    if (!VALUES.has(word)) throw new UsageError(`Unknown option "${word}"`);
    const value = words[++k];
    if (value === undefined || value === "") throw new UsageError(`Option ${word} needs a value`);
    values.set(word, [...(values.get(word) ?? []), value]);
  }
  if (flags.has("--help") || flags.has("-h")) return { kind: "help" };
  const one = (option: string): string | undefined => values.get(option)?.at(-1);
  const resultFile = one("--result-file");
  const deleted = one("--delete");
  if (deleted !== undefined) return { kind: "delete", ...placed(deleted, one), resultFile };
  const tls = tlsFiles(flags.has(TLS_FLAG), one);
  if (typeof tls === "string") throw new UsageError(tls);
  const account = { userName: one("--user") ?? "", passwordFile: one("--password-file") ?? "", tls };
  const restored = one("--restore");
  if (restored !== undefined) {
    const to = one("--to");
    if (to === undefined) throw new UsageError("Option --to is missing");
    const addresses = to.split(",").map((text) => parseAddress("--to", text));
    const [once, replace] = [one("--once"), flags.has("--replace")];
    if (once !== undefined && !TARGET_NAME.test(once)) {
      throw new UsageError(`Option --once needs letters, digits and dashes, not "${once}"`);
    }
    if (once !== undefined && replace) throw new UsageError("Options --once and --replace do not go together");
    return { kind: "restore", ...placed(restored, one), addresses, ...account, replace, once, resultFile };
  }
  const directory = one("--directory");
  if (directory === undefined) throw new UsageError("Option --directory is missing");
  return {
    ...{ kind: "take", ...placed(directory, one), resultFile },
    shards: parseShards(values.get("--source") ?? [], values.get("--slots") ?? []),
    ...account,
    name: one("--name") ?? "",
    cluster: one("--cluster") ?? "",
    verify: !flags.has("--no-verify"),
  };
}

function placed(location: string, one: (option: string) => string | undefined): Placed {
  const s3 = s3Address(location, one);
  if (typeof s3 === "string") throw new UsageError(s3);
  return { directory: isS3(location) ? "" : location, s3 };
}

function parseShards(sources: readonly string[], slotLists: readonly string[]): BackupShardSource[] {
  if (sources.length === 0) throw new UsageError("Option --source is missing");
  const slots = new Map(slotLists.map((text) => indexed("--slots", text)));
  const shards = sources.map((text): BackupShardSource => {
    const [index, addresses] = indexed("--source", text);
    return {
      index,
      addresses: addresses.split(",").map((address) => parseAddress("--source", address)),
      slots: slots.get(index),
    };
  });
  if (new Set(shards.map(({ index }) => index)).size !== shards.length) {
    throw new UsageError("Option --source names a shard twice: give its addresses in one, separated by commas");
  }
  return shards.sort((left, right) => left.index - right.index);
}

function indexed(option: string, text: string): [number, string] {
  const match = /^(\d{1,4})=(.+)$/.exec(text);
  if (match === null) throw new UsageError(`Option ${option} must be <shard>=<value>, not "${text}"`);
  return [Number(match[1]), match[2] as string];
}

function parseAddress(option: string, text: string): HostAndPort {
  const match = /^\[?([^[\]\s]+?)\]?:(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port < 1 || port > MAX_PORT) {
    throw new UsageError(`Option ${option} needs addresses as host:port, not "${text}"`);
  }
  return { host: match[1] as string, port };
}
