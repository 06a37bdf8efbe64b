/** Makes the keyspace of a server from the server's parts: the place that knows its settings, its values and its memory. */

import type { Config } from "../config/config.ts";
import { createCollectionValues } from "../keyspace/collection-values.ts";
import { Keyspace } from "../keyspace/keyspace.ts";
import { type ChunkMemory, EngineMemory } from "../memory/chunk-memory.ts";
import type { Logger } from "../observability/logger.ts";
import type { Clock } from "../platform/clock.ts";
import type { MemoryRelease } from "../platform/memory-release.ts";
import type { Random } from "../platform/random.ts";
import { loadSystemMemory } from "../platform/system-memory.ts";
import { Collections } from "../values/collections.ts";
import { encodingLimitsOf } from "./encoding-settings.ts";

export interface ServerKeyspaceParts {
  readonly config: Config;
  readonly random: Random;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ServerKeyspace {
  readonly keyspace: Keyspace;
  readonly collections: Collections;
}

export function createServerKeyspace(
  { config, random, clock, logger }: ServerKeyspaceParts,
  memoryRelease: MemoryRelease,
): ServerKeyspace {
  const made: { collections?: Collections } = {};
  const isClusterEnabled = config.get("cluster-enabled");
  const databaseCount = isClusterEnabled ? 1 : config.get("databases");
  const memory = createChunkMemory(logger, memoryRelease);
  const keyspace = new Keyspace({ databaseCount, random, clock, isClusterEnabled, memory }, (arena) => {
    made.collections = new Collections(arena, encodingLimitsOf(config), random);
    return createCollectionValues(made.collections);
  });
  if (made.collections === undefined) throw new Error("The keyspace did not make its collections");
  return { keyspace, collections: made.collections };
}

function createChunkMemory(logger: Logger, release: MemoryRelease): ChunkMemory {
  const unavailable = (reason: string): void => logger.notice(`Data is in memory of the engine's own: ${reason}`);
  return loadSystemMemory(unavailable) ?? new EngineMemory((memory) => release.release(memory));
}
