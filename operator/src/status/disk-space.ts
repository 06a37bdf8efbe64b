/**
 * DiskSpace: the disks of all servers have room for what is written and for the next save, which lies beside the last one
 * until it is complete. It turns False while there still is some room: a disk that is full stops writes. It turns True again
 * only when there is clearly more, or each save would change it twice; and it names no figures that change all the time.
 */

import type { DiskInfo } from "../topology/node-info.ts";
import { type ClusterFacts, listOf } from "./cluster-facts.ts";
import { type ConditionVerdict, lastVerdict } from "./condition-verdict.ts";

const type = "DiskSpace";
/** What has to be free beyond the limit before the condition is True again, in percent of the disk. */
const RELIEF_PERCENT = 5;
/** Of the last save: data grows. */
const SAVE_GROWTH = 1.2;

export function diskSpace({ cluster, plan }: ClusterFacts): ConditionVerdict | undefined {
  const disks = plan?.survey.reachable.filter(({ node }) => node.info.disk !== undefined) ?? [];
  const last = lastVerdict(cluster, type);
  if (disks.length === 0) return last;
  const percent = cluster.spec.storage.warnAtPercent;
  const limit = last?.status === "False" ? percent - RELIEF_PERCENT : percent;
  const full = disks.filter(({ node: { info } }) => info.disk !== undefined && isNearlyFull(info.disk, limit));
  if (full.length === 0) {
    return {
      type,
      status: "True",
      reason: "Enough",
      message: "All disks have room for what is written and the next save",
    };
  }
  const [disksAre, verb] = full.length === 1 ? ["The disk", "is"] : ["The disks", "are"];
  const message = `${disksAre} of ${listOf(full.map(({ pod }) => pod))} ${verb} more than ${percent} % full, or without room for another save: let spec.storage.size grow, or delete data`;
  return { type, status: "False", reason: "NearlyFull", message };
}

function isNearlyFull({ sizeBytes, availableBytes, nextSaveBytes }: DiskInfo, percent: number): boolean {
  return availableBytes < sizeBytes * (1 - percent / 100) || availableBytes < nextSaveBytes * SAVE_GROWTH;
}
