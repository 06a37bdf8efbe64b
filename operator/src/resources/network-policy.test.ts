import { describe, expect, it } from "vitest";
import { exampleContext } from "./example-cluster.ts";
import { networkPolicies } from "./network-policy.ts";

interface Rule {
  readonly ports: readonly { readonly port: number }[];
  readonly from?: readonly unknown[];
}

function rulesWith(networkPolicy: Readonly<Record<string, unknown>>, external?: object) {
  const networking = { networkPolicy: { mode: "Restricted", ...networkPolicy }, ...(external && { external }) };
  const [policy] = networkPolicies(exampleContext({ networking }));
  const rules = (policy?.spec?.ingress ?? []) as readonly Rule[];
  return new Map(rules.map(({ ports, from }) => [ports[0]?.port, from]));
}

const OPERATOR = {
  namespaceSelector: {},
  podSelector: { matchLabels: { "app.kubernetes.io/name": "kvcluster-operator" } },
};
const OF_CLUSTER = { podSelector: { matchLabels: { "kvcluster.dev/cluster": "shop" } } };
const SERVERS = {
  podSelector: { matchLabels: { "kvcluster.dev/cluster": "shop", "app.kubernetes.io/component": "server" } },
};

describe("the network policy", () => {
  it("is not there unless it is asked for, also where the definitions are older", () => {
    expect(networkPolicies(exampleContext())).toEqual([]);
    const context = exampleContext();
    const networking = { service: {} } as typeof context.cluster.spec.networking;
    const cluster = { ...context.cluster, spec: { ...context.cluster.spec, networking } };
    expect(networkPolicies({ ...context, cluster })).toEqual([]);
  });

  it("lets pods of the namespace be clients, servers use the bus, and anybody scrape", () => {
    const rules = rulesWith({});
    expect(rules.get(6379)).toEqual([OF_CLUSTER, OPERATOR, { podSelector: {} }]);
    expect(rules.get(16379)).toEqual([SERVERS]);
    expect(rules.get(9121)).toBeUndefined();
    expect(rules.size).toBe(3);
  });

  it("lets the clients and scrapers of the spec in, and always the cluster's own and the operator", () => {
    const peer = { namespaceSelector: { matchLabels: { team: "a" } } };
    const rules = rulesWith({ clients: [peer], scrapers: [peer] });
    expect(rules.get(6379)).toEqual([OF_CLUSTER, OPERATOR, peer]);
    expect(rules.get(9121)).toEqual([OPERATOR, peer]);
    // Nobody else may connect; an empty list in the policy itself would let everybody in.
    expect(rulesWith({ clients: [] }).get(6379)).toEqual([OF_CLUSTER, OPERATOR]);
  });

  it("lets anybody reach the port for outside, where the spec asks for access from there", () => {
    const rules = rulesWith({ clients: [] }, { type: "NodePort" });
    expect([rules.size, rules.has(6380), rules.get(6380)]).toEqual([4, true, undefined]);
    expect(rulesWith({}).has(6380)).toBe(false);
  });
});
