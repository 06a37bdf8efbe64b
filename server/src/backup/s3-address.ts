/** Where in an S3-compatible store a backup is, as the command line says it: s3://bucket/key and options beside it. */

export interface S3Address {
  readonly bucket: string;
  /** Objects are `<prefix>/<name>`. */
  readonly prefix: string;
  /** Undefined: Amazon's, of the region. */
  readonly endpoint: string | undefined;
  readonly region: string;
  /**
   * Holds files `access-key-id` and `secret-access-key`, and maybe `session-token` and `ca.crt`. Undefined: what the SDK finds by
   * itself, in variables and files of the machine.
   */
  readonly credentials: string | undefined;
  /** Where files lie on their way; the system's directory for such files when undefined. */
  readonly scratch: string | undefined;
}

export const S3_VALUES = ["--s3-endpoint", "--s3-region", "--s3-credentials", "--scratch"] as const;

const SCHEME = "s3://";
const FORM = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/([^/]+(?:\/[^/]+)*)\/?$/;
/** Where stores of others want none in particular. */
const DEFAULT_REGION = "us-east-1";

export function isS3(location: string): boolean {
  return location.startsWith(SCHEME);
}

/** A sentence where that makes no sense; undefined where it is a directory. */
export function s3Address(
  location: string,
  one: (option: string) => string | undefined,
): S3Address | string | undefined {
  if (!isS3(location)) {
    const option = S3_VALUES.find((name) => one(name) !== undefined);
    return option === undefined ? undefined : `Option ${option} goes with a place s3://bucket/key, not "${location}"`;
  }
  const [, bucket, prefix] = FORM.exec(location) ?? [];
  if (bucket === undefined || prefix === undefined) return `A place in S3 must be s3://bucket/key, not "${location}"`;
  const endpoint = one("--s3-endpoint");
  if (endpoint !== undefined && !/^https?:\/\/[^/\s]+\/?$/.test(endpoint))
    return `Option --s3-endpoint needs a URL, not "${endpoint}"`;
  const region = one("--s3-region") ?? DEFAULT_REGION;
  return { bucket, prefix, endpoint, region, credentials: one("--s3-credentials"), scratch: one("--scratch") };
}
