/**
 * Makes the volumes of a cluster as large as the spec asks, by asking for more on each claim. The rest is the storage class's
 * work, if it can do it at all; what it refuses is told in the status. Claims never shrink, and none is deleted here.
 *
 * The templates of claims in a StatefulSet cannot change, so a set with an old one is removed while its pods stay, and the
 * next pass makes it anew around them: volumes made later, for more replicas or in place of lost ones, have the new size.
 */

import { parseQuantity } from "../api/quantity.ts";
import type { Manifest } from "../resources/manifest.ts";
import { hasNoPods } from "../status/hibernation-state.ts";
import type { Claim } from "./claim.ts";
import { claimTemplateOf, replicasOf, shardOf, shardSets } from "./shard-sets.ts";
import { type Pass, PROCEED, type Step } from "./step.ts";

const AFTER_REMOVAL_SECONDS = 1;

/** Size of the smallest volume. */
export const readVolumeSize: Step = {
  name: "read volume size",
  changes: false,
  run: async (pass) => {
    const sizes = boundClaims(pass).flatMap(({ status }) => status?.capacity?.storage ?? []);
    pass.volumeSize = sizes.sort((a, b) => bytesOf(a) - bytesOf(b))[0];
    return PROCEED;
  },
};

export const growVolumes: Step = {
  name: "grow volumes",
  changes: true,
  run: async (pass) => {
    const { cluster, dependencies } = pass;
    const { type, size } = cluster.spec.storage;
    if (type === "Ephemeral") return PROCEED;
    const isSmall = ({ spec }: Claim): boolean => bytesOf(spec?.resources?.requests?.storage) < bytesOf(size);
    for (const claim of boundClaims(pass).filter(isSmall)) {
      pass.volumeRefusal = await dependencies.store.growClaim(claim, String(size));
      if (pass.volumeRefusal !== undefined) return PROCEED;
      dependencies.log.info("Asked for a larger volume", { claim: claim.metadata.name, size });
    }
    return PROCEED;
  },
};

export const renewSets: Step = {
  name: "renew sets",
  changes: true,
  run: async (pass) => {
    const { cluster, dependencies } = pass;
    const set = shardSets(pass).find((one) => shardOf(one) < cluster.spec.shards && mayRenew(pass, one));
    if (set === undefined) return PROCEED;
    await dependencies.store.removeAlone(set);
    dependencies.log.info("Removed set to make it anew with larger claims", { name: set.metadata.name });
    return { kind: "wait", seconds: AFTER_REMOVAL_SECONDS, reason: `Making ${set.metadata.name} anew around its pods` };
  },
};

/** One that is on its way to fewer pods is left to get there: a new one would not know who leads. */
function mayRenew({ cluster, hibernation }: Pass, set: Manifest): boolean {
  const { type, size } = cluster.spec.storage;
  if (type === "Ephemeral" || set.metadata.deletionTimestamp !== undefined) return false;
  const replicas = hasNoPods(hibernation) ? 0 : 1 + cluster.spec.replicasPerShard;
  const template = claimTemplateOf(set)?.spec.resources.requests.storage;
  return replicasOf(set) === replicas && bytesOf(template) < bytesOf(size);
}

/** Only a bound claim may ask for more; the others come up with what their StatefulSet says, and grow then. */
function boundClaims({ dependencies, name }: Pass): readonly Claim[] {
  return dependencies.store.claims(name).filter(({ status }) => status?.phase === "Bound");
}

function bytesOf(size: string | number | undefined): number {
  return size === undefined ? 0 : (parseQuantity(size) ?? 0);
}
