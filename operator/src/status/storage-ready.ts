/** StorageReady: the volumes are as large as the spec asks. */

import { parseQuantity } from "../api/quantity.ts";
import type { ClusterFacts } from "./cluster-facts.ts";
import type { ConditionVerdict } from "./condition-verdict.ts";

export function storageReady({ cluster, volumeSize }: ClusterFacts): ConditionVerdict {
  const type = "StorageReady";
  const { storage } = cluster.spec;
  if (storage.type === "Ephemeral") {
    return {
      type,
      status: "True",
      reason: "Ephemeral",
      message: "Servers keep their files only as long as their pods",
    };
  }
  if (volumeSize === undefined || parseQuantity(volumeSize) === parseQuantity(storage.size)) {
    return { type, status: "True", reason: "AsRequested", message: `Servers have volumes of ${storage.size}` };
  }
  const message = `Volumes have ${volumeSize}, spec.storage.size asks for ${storage.size}: existing volumes are not resized`;
  return { type, status: "False", reason: "SizeDiffers", message };
}
