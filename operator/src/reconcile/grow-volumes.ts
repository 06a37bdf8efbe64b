/**
 * Makes the volumes of a cluster as large as the spec asks, by asking for more on each claim: the templates of existing
 * StatefulSets cannot change. The rest is the storage class's work, if it can do it at all; what it refuses is told in the
 * status. Claims never shrink, and none is deleted here.
 */

import { parseQuantity } from "../api/quantity.ts";
import type { Claim } from "./claim.ts";
import { type Pass, PROCEED, type Step } from "./step.ts";

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

/** Only a bound claim may ask for more; the others come up with what their StatefulSet says, and grow then. */
function boundClaims({ dependencies, name }: Pass): readonly Claim[] {
  return dependencies.store.claims(name).filter(({ status }) => status?.phase === "Bound");
}

function bytesOf(size: string | number | undefined): number {
  return size === undefined ? 0 : (parseQuantity(size) ?? 0);
}
