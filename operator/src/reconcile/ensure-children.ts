/**
 * Brings every child object to what the spec says, in order, and removes budgets, policies and Services that are no longer
 * wanted. An object of the same name that belongs to somebody else stops the pass before anything of it is touched. StatefulSets
 * are not removed here: a shard holds data (see remove-shards.ts).
 */

import { SHARD_LABEL } from "../api/labels.ts";
import { children } from "../resources/children.ts";
import { isOwnedBy, type Manifest } from "../resources/manifest.ts";
import { wasFormed } from "../status/cluster-facts.ts";
import { hasNoPods } from "../status/hibernation-state.ts";
import { isHeldBack } from "../status/restore-state.ts";
import { canShrink } from "../topology/plan-handover.ts";
import { refusedValues } from "./check-config.ts";
import { claimTemplateOf, replicasOf } from "./shard-sets.ts";
import { type Pass, PROCEED, type Step, type StepResult } from "./step.ts";

/** Kinds without state, which may simply go when the spec no longer asks for them. */
const REMOVABLE_KINDS: readonly string[] = ["PodDisruptionBudget", "NetworkPolicy", "Service"];

export const ensureChildren: Step = {
  name: "ensure children",
  changes: true,
  run: async (pass) => {
    const { cluster, dependencies, options, name } = pass;
    const live = dependencies.store.children(name);
    const built = children({
      cluster: pass.startable,
      ...options,
      password: pass.password ?? "",
      authority: pass.authority,
      oldPassword: pass.oldPassword,
      users: pass.users,
      servers: pass.podViews,
      opensExternalPort: pass.opensExternalPort,
      configMemory: { refused: refusedValues(pass), left: pass.leftDirectives },
      isHeldBack: isHeldBack(pass.restore),
    });
    const wanted = built.map((child) => (child.kind === "StatefulSet" ? asItMayBe(pass, child, live) : child));
    const pairs: (readonly [Manifest, Manifest | undefined])[] = [];
    for (const child of wanted) {
      const existing = live.find((object) => isSame(object, child)) ?? (await dependencies.store.read(child));
      if (existing !== undefined && !isOwnedBy(existing, cluster)) return nameTaken(existing);
      pairs.push([child, existing]);
    }
    for (const [child, existing] of pairs) {
      // What goes is made anew when it is gone.
      if (child.kind === "StatefulSet" && existing?.metadata.deletionTimestamp !== undefined) continue;
      const isSent = await dependencies.store.apply(child, existing);
      if (isSent) dependencies.log.info("Applied child object", { kind: child.kind, name: child.metadata.name });
    }
    for (const object of live) {
      const isUnwanted = REMOVABLE_KINDS.includes(object.kind) && !wanted.some((child) => isSame(object, child));
      if (isUnwanted && isOwnedBy(object, cluster) && !isOfLeavingShard(pass, object, live))
        await dependencies.store.remove(object);
    }
    return PROCEED;
  },
};

/** The budget of a shard that leaves stays as long as the shard. */
function isOfLeavingShard({ cluster }: Pass, { metadata }: Manifest, live: readonly Manifest[]): boolean {
  const hasSet = live.some((object) => object.kind === "StatefulSet" && object.metadata.name === metadata.name);
  return hasSet && Number(metadata.labels?.[SHARD_LABEL]) >= cluster.spec.shards;
}

/** The StatefulSet with what it cannot take on, or not yet, left as it is. */
function asItMayBe(pass: Pass, child: Manifest, live: readonly Manifest[]): Manifest {
  const existing = live.find((object) => isSame(object, child));
  const held = existing === undefined ? child : holdClaims(child, existing);
  if (hasNoPods(pass.hibernation)) return { ...held, spec: { ...held.spec, replicas: 0 } };
  return existing === undefined ? held : holdReplicas(pass, held, existing);
}

/** Claim templates cannot change: each set keeps the size it was made with. */
function holdClaims(child: Manifest, existing: Manifest): Manifest {
  const wanted = claimTemplateOf(child);
  const size = claimTemplateOf(existing)?.spec.resources.requests.storage;
  if (wanted === undefined || size === undefined) return child;
  const claim = { ...wanted, spec: { ...wanted.spec, resources: { requests: { storage: size } } } };
  return { ...child, spec: { ...child.spec, volumeClaimTemplates: [claim] } };
}

/** It does not shrink while one of the pods it would remove leads the shard, or may: before slots are handed out nobody does. */
function holdReplicas({ plan, cluster }: Pass, child: Manifest, existing: Manifest): Manifest {
  const replicas = replicasOf(existing);
  if (replicas === undefined || replicas <= (replicasOf(child) ?? 0)) return child;
  const shard = Number(child.metadata.labels?.[SHARD_LABEL]);
  const isBeginning = plan?.survey.slotsOf.size === 0 && !wasFormed({ cluster });
  const isSafe = isBeginning || (plan !== undefined && canShrink(plan.survey, shard, cluster.spec.replicasPerShard));
  return isSafe ? child : { ...child, spec: { ...child.spec, replicas } };
}

function isSame(a: Manifest, b: Manifest): boolean {
  return a.kind === b.kind && a.metadata.name === b.metadata.name;
}

export function nameTaken({ kind, metadata }: Manifest): StepResult {
  const message = `${kind} "${metadata.name}" exists and does not belong to this cluster`;
  return { kind: "stop", reason: "NameTaken", message };
}
