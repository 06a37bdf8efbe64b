/** StorageReady: the volumes are at least as large as the spec asks. */

import { parseQuantity } from "../api/quantity.ts";
import type { ClusterFacts } from "./cluster-facts.ts";
import type { ConditionVerdict } from "./condition-verdict.ts";

export function storageReady({ cluster, volumeSize, volumeRefusal }: ClusterFacts): ConditionVerdict {
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
  if (volumeSize === undefined || (parseQuantity(volumeSize) ?? 0) >= (parseQuantity(storage.size) ?? 0)) {
    return {
      type,
      status: "True",
      reason: "AsRequested",
      message: `Servers have volumes of ${volumeSize ?? storage.size}`,
    };
  }
  const message = `Volumes have ${volumeSize}, spec.storage.size asks for ${storage.size}`;
  return volumeRefusal === undefined
    ? { type, status: "False", reason: "Resizing", message: `${message}: they are growing` }
    : { type, status: "False", reason: "ResizeRefused", message: `${message}: ${volumeRefusal}` };
}
