/**
 * Lets servers serve clients outside of Kubernetes (spec.networking.external): opens their port for such clients, and has each
 * announce the address that its Service has now. Servers are asked in every pass, so an address that changed is announced anew.
 * One that cannot be found just now, because a load balancer is being replaced, stays as it was announced.
 *
 * The port is in the file that servers start with once one of them has taken it, an older image would not start with it, and
 * until all have closed it again: that line is the memory of what is to be undone.
 */

import type { KvSession } from "../kv/kv-session.ts";
import { fileDirectives } from "../resources/config-map.ts";
import { EXTERNAL_PORT } from "../resources/manifest.ts";
import { configMapName, externalServiceName } from "../resources/names.ts";
import { EXTERNAL_PORT_DIRECTIVE } from "../resources/server-config.ts";
import { addressText, type ExternalAddress, externalAddress } from "./external-address.ts";
import { type Applied, onEveryServer, refusalsIn, tellChanges } from "./on-every-server.ts";
import { ownChild } from "./own-child.ts";
import { type Pass, PROCEED, type Step } from "./step.ts";

const HOST_DIRECTIVE = "cluster-announce-external-host";
const ANNOUNCED_PORT_DIRECTIVE = "cluster-announce-external-port";
const CHANGED = { action: "AnnounceExternal", reason: "ExternalAddressChanged", note: "Servers announce for outside" };

export const announceExternal: Step = {
  name: "announce external addresses",
  changes: true,
  run: async (pass) => {
    const map = ownChild(pass, "ConfigMap", configMapName(pass.name.name));
    const wasOpen = fileDirectives(map).has(EXTERNAL_PORT_DIRECTIVE);
    pass.opensExternalPort = wasOpen;
    const isWanted = pass.cluster.spec.networking.external !== undefined;
    if (pass.hibernation !== undefined || !(isWanted || wasOpen)) return PROCEED;
    const addresses = addressesOf(pass);
    const { applied, turnout } = await onEveryServer(pass, "external addresses", (session, pod) =>
      announce(session, pod, isWanted ? wantedOf(addresses.get(pod)) : CLOSED),
    );
    tellChanges(pass, applied, CHANGED);
    const isTaken = applied.some(({ refusals }) => refusals.size === 0);
    pass.opensExternalPort = isWanted ? wasOpen || isTaken : turnout.unheard > 0;
    if (isWanted) {
      const texts = [...addresses].map(([pod, address]) => [pod, addressText(address)] as const);
      pass.external = {
        addresses: new Map(texts),
        waiting: waiting(pass, addresses),
        refusals: refusalsIn(applied),
        turnout,
      };
    }
    return PROCEED;
  },
};

/** By pod, as far as they are known. */
function addressesOf({ cluster, dependencies, name, podViews }: Pass): ReadonlyMap<string, ExternalAddress> {
  const { external } = cluster.spec.networking;
  if (external === undefined) return new Map();
  const services = dependencies.store.children(name).filter(({ kind }) => kind === "Service");
  const pods = dependencies.store.pods(name);
  return new Map(
    podViews.flatMap(({ pod }): readonly (readonly [string, ExternalAddress])[] => {
      const service = services.find(({ metadata }) => metadata.name === externalServiceName(pod));
      const address = externalAddress(
        external,
        service,
        pods.find(({ metadata }) => metadata.name === pod),
      );
      return address === undefined ? [] : [[pod, address]];
    }),
  );
}

/** Services of servers that could announce an address and have none. */
function waiting({ podViews }: Pass, addresses: ReadonlyMap<string, ExternalAddress>): readonly string[] {
  const without = podViews.filter(({ pod, node }) => node !== undefined && !addresses.has(pod));
  return without.map(({ pod }) => externalServiceName(pod));
}

type Wanted = ReadonlyMap<string, string>;

const CLOSED: Wanted = new Map([
  [EXTERNAL_PORT_DIRECTIVE, "0"],
  [HOST_DIRECTIVE, ""],
  [ANNOUNCED_PORT_DIRECTIVE, "0"],
]);

function wantedOf(address: ExternalAddress | undefined): Wanted {
  const open = [EXTERNAL_PORT_DIRECTIVE, String(EXTERNAL_PORT)] as const;
  if (address === undefined) return new Map([open]);
  return new Map([open, [HOST_DIRECTIVE, address.host], [ANNOUNCED_PORT_DIRECTIVE, String(address.port)]]);
}

/** At once: a host with the port of another would lead clients astray. */
async function announce(session: KvSession, pod: string, wanted: Wanted): Promise<Applied> {
  const before = await session.configuration([...wanted.keys()]);
  const different = [...wanted].filter(([name, value]) => before.get(name) !== value);
  const unchanged = { changed: new Set<string>(), refusals: new Map<string, string>() };
  if (different.length === 0) return unchanged;
  const refusal = await session.configure(different);
  if (refusal !== undefined) return { ...unchanged, refusals: new Map([[pod, refusal]]) };
  const isElsewhere = different.some(([name]) => name !== EXTERNAL_PORT_DIRECTIVE);
  const host = wanted.get(HOST_DIRECTIVE) ?? "";
  const text = host === "" ? "nothing" : addressText({ host, port: Number(wanted.get(ANNOUNCED_PORT_DIRECTIVE)) });
  return isElsewhere ? { ...unchanged, changed: new Set([`${pod} ${text}`]) } : unchanged;
}
