/** The families of the command table, in the order of COMMAND LIST. A new family is entered here and nowhere else. */

import { aclCommands } from "./acl.ts";
import { bitFieldCommands } from "./bit-fields.ts";
import { bitmapCommands } from "./bitmaps.ts";
import { blockingListCommands } from "./blocking-lists.ts";
import { blockingSortedSetCommands } from "./blocking-sorted-sets.ts";
import { clientCommands } from "./clients.ts";
import { clusterCommands } from "./cluster.ts";
import type { CommandRow } from "./command.ts";
import { introspectionCommands } from "./command-introspection.ts";
import { commonSubsequenceCommands } from "./common-subsequence.ts";
import { configCommands } from "./config.ts";
import { connectionCommands } from "./connection.ts";
import { counterCommands } from "./counters.ts";
import { databaseCommands } from "./databases.ts";
import { debugCommands } from "./debug.ts";
import { dumpCommands } from "./dump.ts";
import { expiryCommands } from "./expiry.ts";
import { functionCommands } from "./functions.ts";
import { geoCommands } from "./geo.ts";
import { groupCommands } from "./group.ts";
import { hashCombinedCommands } from "./hash-combined.ts";
import { hashExpiryCommands } from "./hash-expiry.ts";
import { hashExtraCommands } from "./hash-extras.ts";
import { hashCommands } from "./hashes.ts";
import { hyperLogLogCommands } from "./hyper-log-logs.ts";
import { infoCommands } from "./info.ts";
import { keyScanCommands } from "./key-scan.ts";
import { keyCommands } from "./keys.ts";
import { latencyCommands } from "./latency.ts";
import { listMoveCommands } from "./list-moves.ts";
import { listCommands } from "./lists.ts";
import { migrateCommands } from "./migrate.ts";
import { moduleCommands } from "./modules.ts";
import { persistenceCommands } from "./persistence.ts";
import { pubsubCommands } from "./pubsub.ts";
import { replicationCommands } from "./replication.ts";
import { scriptCommands } from "./scripts.ts";
import { serverControlCommands } from "./server-control.ts";
import { setAlgebraCommands } from "./set-algebra.ts";
import { setCommands } from "./sets.ts";
import { slowlogCommands } from "./slowlog.ts";
import { sortCommands } from "./sort.ts";
import { sortedSetAlgebraCommands } from "./sorted-set-algebra.ts";
import { sortedSetPopCommands } from "./sorted-set-pops.ts";
import { sortedSetRangeCommands } from "./sorted-set-range-commands.ts";
import { sortedSetCommands } from "./sorted-sets.ts";
import { streamGroupCommands } from "./stream-groups.ts";
import { streamInfoCommands } from "./stream-info.ts";
import { streamPendingCommands } from "./stream-pending.ts";
import { streamRangeCommands } from "./stream-ranges.ts";
import { streamReadingCommands } from "./stream-reading.ts";
import { streamCommands } from "./streams.ts";
import { stringBatchCommands } from "./string-batch.ts";
import { stringRangeCommands } from "./string-ranges.ts";
import { stringCommands } from "./strings.ts";
import { transactionCommands } from "./transactions.ts";
import { waitCommands } from "./wait.ts";

export const ALL_COMMANDS: readonly (readonly CommandRow[])[] = [
  stringCommands,
  stringRangeCommands,
  stringBatchCommands,
  commonSubsequenceCommands,
  counterCommands,
  bitmapCommands,
  bitFieldCommands,
  hyperLogLogCommands,
  listCommands,
  listMoveCommands,
  blockingListCommands,
  hashCommands,
  hashExtraCommands,
  hashExpiryCommands,
  hashCombinedCommands,
  setCommands,
  setAlgebraCommands,
  sortedSetCommands,
  sortedSetRangeCommands,
  sortedSetPopCommands,
  blockingSortedSetCommands,
  sortedSetAlgebraCommands,
  geoCommands,
  streamCommands,
  streamRangeCommands,
  streamReadingCommands,
  streamGroupCommands,
  streamPendingCommands,
  streamInfoCommands,
  keyCommands,
  keyScanCommands,
  dumpCommands,
  migrateCommands,
  sortCommands,
  expiryCommands,
  databaseCommands,
  transactionCommands,
  scriptCommands,
  functionCommands,
  persistenceCommands,
  replicationCommands,
  groupCommands,
  waitCommands,
  clusterCommands,
  clientCommands,
  introspectionCommands,
  configCommands,
  aclCommands,
  connectionCommands,
  debugCommands,
  infoCommands,
  pubsubCommands,
  serverControlCommands,
  slowlogCommands,
  latencyCommands,
  moduleCommands,
];
