/** All conditions of a KVCluster in the order in which they are listed, each stamped with the generation it speaks of. */

import type { UntimedCondition } from "../api/condition.ts";
import { balanced } from "./balanced.ts";
import { certificateValid } from "./certificate-valid.ts";
import type { ClusterFacts } from "./cluster-facts.ts";
import { clusterFormed } from "./cluster-formed.ts";
import type { ConditionVerdict } from "./condition-verdict.ts";
import { configApplied } from "./config-applied.ts";
import { degraded } from "./degraded.ts";
import { diskSpace } from "./disk-space.ts";
import { externalAccess } from "./external-access.ts";
import { hibernated } from "./hibernated.ts";
import { progressing } from "./progressing.ts";
import { ready } from "./ready.ts";
import { restored } from "./restored.ts";
import { slotsAssigned } from "./slots-assigned.ts";
import { storageReady } from "./storage-ready.ts";
import { upToDate } from "./up-to-date.ts";
import { usersApplied } from "./users-applied.ts";

/** Messages quote what servers and the API server say, which may be long; a status that is too long is refused whole. */
const MAX_MESSAGE_LENGTH = 1024;

const BUILDERS = [
  ready,
  progressing,
  degraded,
  clusterFormed,
  slotsAssigned,
  balanced,
  storageReady,
  diskSpace,
  upToDate,
  configApplied,
  usersApplied,
  certificateValid,
  externalAccess,
  restored,
  hibernated,
] as const;

export function conditions(facts: ClusterFacts): readonly UntimedCondition[] {
  const observedGeneration = facts.cluster.metadata.generation ?? 0;
  const verdicts = BUILDERS.flatMap((build): readonly ConditionVerdict[] => {
    const verdict = build(facts);
    return verdict === undefined ? [] : [verdict];
  });
  return verdicts.map((verdict) => {
    return { ...verdict, message: verdict.message.slice(0, MAX_MESSAGE_LENGTH), observedGeneration };
  });
}
