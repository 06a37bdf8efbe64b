/** Everything a cluster consists of, in the order in which it is applied: what pods refer to comes before the pods. */

import { configMap } from "./config-map.ts";
import { connectionSecret } from "./connection-secret.ts";
import { externalServices } from "./external-services.ts";
import type { ChildContext, Manifest } from "./manifest.ts";
import { networkPolicies } from "./network-policy.ts";
import { podDisruptionBudgets } from "./pod-disruption-budget.ts";
import { serverAuthSecret } from "./server-auth-secret.ts";
import { discoveryService, headlessService, readService, writeService } from "./services.ts";
import { statefulSets } from "./stateful-sets.ts";

const BUILDERS: readonly ((context: ChildContext) => readonly Manifest[])[] = [
  configMap,
  serverAuthSecret,
  connectionSecret,
  headlessService,
  discoveryService,
  writeService,
  readService,
  externalServices,
  networkPolicies,
  podDisruptionBudgets,
  statefulSets,
];

export function children(context: ChildContext): readonly Manifest[] {
  return BUILDERS.flatMap((build) => build(context));
}
