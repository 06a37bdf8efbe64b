/** What a client that caches what it reads has asked for, by CLIENT TRACKING. */

export interface TrackingOptions {
  /** Id of the client that the messages go to; 0: itself. */
  readonly redirect: number;
  /** Told of every key with a prefix, read or not. */
  readonly isBroadcast: boolean;
  /** Only what is read right behind CLIENT CACHING YES is remembered, or all but what is read behind CLIENT CACHING NO. */
  readonly isOptIn: boolean;
  readonly isOptOut: boolean;
  /** Not told of what it changes itself. */
  readonly isNoLoop: boolean;
  /** Latin1 texts; one empty prefix for all keys. Only with `isBroadcast`. */
  readonly prefixes: readonly string[];
}

export interface TrackingState extends TrackingOptions {
  /** CLIENT CACHING was sent for the next command. */
  isCachingAsked: boolean;
  /** The client that messages were to go to is gone. */
  isRedirectBroken: boolean;
}

/** What tracking needs of a client. */
export interface TrackingClient {
  readonly id: number;
  readonly protocol: 2 | 3;
  readonly connection: { send(bytes: Buffer): void };
  readonly channels: ReadonlySet<string> | undefined;
  readonly patterns: ReadonlySet<string> | undefined;
  readonly shardChannels: ReadonlySet<string> | undefined;
  tracking: TrackingState | undefined;
}
