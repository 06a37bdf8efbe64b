/** ExternalAccess: clients outside of Kubernetes reach every server. Only where spec.networking.external asks for it. */

import { type ClusterFacts, listOf } from "./cluster-facts.ts";
import { type ConditionVerdict, lastVerdict } from "./condition-verdict.ts";
import { type Turnout, unheardAddition, unheardVerdict } from "./turnout.ts";

export interface ExternalFacts {
  /** Host and port for outside, by pod. */
  readonly addresses: ReadonlyMap<string, string>;
  /** Services that have no address yet. */
  readonly waiting: readonly string[];
  /** What servers do not take, in their words, by pod. */
  readonly refusals: ReadonlyMap<string, string>;
  readonly turnout: Turnout;
}

const type = "ExternalAccess";
const MOST_SHOWN = 8;

export function externalAccess({ cluster, external }: ClusterFacts): ConditionVerdict | undefined {
  if (cluster.spec.networking.external === undefined) return undefined;
  if (external === undefined) return lastVerdict(cluster, type);
  const { waiting, refusals, turnout } = external;
  const no = (reason: string, message: string): ConditionVerdict => {
    return { type, status: "False", reason, message: `${message}${unheardAddition(turnout)}` };
  };
  if (refusals.size > 0) {
    const said = [...refusals].map(([pod, words]) => `${pod} (${words})`);
    return no("ExternalAddressRefused", `Servers do not take an address for outside: ${listOf(said)}`);
  }
  if (waiting.length > 0) return no("ExternalAddressPending", `No address yet: Service ${listOf(waiting)}`);
  const message = "Every server announces an address for clients outside";
  return unheardVerdict(type, turnout) ?? { type, status: "True", reason: "Announced", message };
}

/** Where clients outside may begin: each server tells them of the others. */
export function externalEndpoints({ cluster, external }: ClusterFacts): string | undefined {
  if (cluster.spec.networking.external === undefined) return undefined;
  if (external === undefined) return cluster.status?.endpoints?.external;
  const addresses = [...external.addresses.values()].slice(0, MOST_SHOWN);
  return addresses.length === 0 ? undefined : addresses.join(",");
}
