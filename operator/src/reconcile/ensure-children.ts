/**
 * Brings every child object to what the spec says, in order, and removes budgets that are no longer wanted. An object of
 * the same name that belongs to somebody else stops the pass before anything of it is touched. StatefulSets are never
 * removed here: a shard holds data.
 */

import { SHARD_LABEL } from "../api/labels.ts";
import { children } from "../resources/children.ts";
import { isOwnedBy, type Manifest } from "../resources/manifest.ts";
import { statefulSetName } from "../resources/names.ts";
import { wasFormed } from "../status/cluster-facts.ts";
import { canShrink } from "../topology/plan-handover.ts";
import { type Pass, PROCEED, type Step, type StepResult } from "./step.ts";

/** Kinds without state, which may simply go when the spec no longer asks for them. */
const REMOVABLE_KINDS: readonly string[] = ["PodDisruptionBudget"];

export const ensureChildren: Step = {
  name: "ensure children",
  changes: true,
  run: async (pass) => {
    const { cluster, dependencies, options, name } = pass;
    const live = dependencies.store.children(name);
    const volumeSize = pass.volumeSize ?? String(cluster.spec.storage.size);
    const built = children({ cluster, ...options, password: pass.password ?? "", volumeSize });
    const wanted = built.map((child) => holdReplicas(pass, child, live));
    const pairs: (readonly [Manifest, Manifest | undefined])[] = [];
    for (const child of wanted) {
      const existing = live.find((object) => isSame(object, child)) ?? (await dependencies.store.read(child));
      if (existing !== undefined && !isOwnedBy(existing, cluster)) return nameTaken(existing);
      pairs.push([child, existing]);
    }
    for (const [child, existing] of pairs) {
      const isSent = await dependencies.store.apply(child, existing);
      if (isSent) dependencies.log.info("Applied child object", { kind: child.kind, name: child.metadata.name });
    }
    for (const object of live) {
      const isUnwanted = REMOVABLE_KINDS.includes(object.kind) && !wanted.some((child) => isSame(object, child));
      if (isUnwanted && isOwnedBy(object, cluster)) await dependencies.store.remove(object);
    }
    return PROCEED;
  },
};

/** Size of the existing volume claim templates: they cannot change, so what exists decides. */
export const readVolumeSize: Step = {
  name: "read volume size",
  changes: false,
  run: async (pass) => {
    const first = statefulSetName(pass.name.name, 0);
    const live = pass.dependencies.store.children(pass.name);
    const set = live.find(({ kind, metadata }) => kind === "StatefulSet" && metadata.name === first);
    const claims = set?.spec?.volumeClaimTemplates as readonly ClaimTemplate[] | undefined;
    pass.volumeSize = claims?.[0]?.spec.resources.requests.storage;
    return PROCEED;
  },
};

/** A StatefulSet does not shrink while one of the pods it would remove leads the shard, or may: before slots are handed out nobody does. */
function holdReplicas({ plan, cluster }: Pass, child: Manifest, live: readonly Manifest[]): Manifest {
  if (child.kind !== "StatefulSet") return child;
  const existing = replicasOf(live.find((object) => isSame(object, child)));
  if (existing === undefined || existing <= (replicasOf(child) ?? 0)) return child;
  const shard = Number(child.metadata.labels?.[SHARD_LABEL]);
  const isBeginning = plan?.survey.slotsOf.size === 0 && !wasFormed({ cluster });
  const isSafe = isBeginning || (plan !== undefined && canShrink(plan.survey, shard, cluster.spec.replicasPerShard));
  return isSafe ? child : { ...child, spec: { ...child.spec, replicas: existing } };
}

function replicasOf(set: Manifest | undefined): number | undefined {
  return set?.spec?.replicas as number | undefined;
}

interface ClaimTemplate {
  readonly spec: { readonly resources: { readonly requests: { readonly storage: string } } };
}

function isSame(a: Manifest, b: Manifest): boolean {
  return a.kind === b.kind && a.metadata.name === b.metadata.name;
}

export function nameTaken({ kind, metadata }: Manifest): StepResult {
  const message = `${kind} "${metadata.name}" exists and does not belong to this cluster`;
  return { kind: "stop", reason: "NameTaken", message };
}
