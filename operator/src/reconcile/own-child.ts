/** A child object of this very cluster, as the operator's caches have it; the first of its kind where no name is given. */

import { isOwnedBy, type Manifest } from "../resources/manifest.ts";
import type { Pass } from "./step.ts";

export function ownChild({ dependencies, name, cluster }: Pass, kind: string, called?: string): Manifest | undefined {
  const ofKind = dependencies.store
    .children(name)
    .filter((object) => object.kind === kind && isOwnedBy(object, cluster));
  return called === undefined ? ofKind[0] : ofKind.find(({ metadata }) => metadata.name === called);
}

/** Whether something of it has been started. Sets are made anew at times, around their pods. */
export function isBegun(pass: Pass): boolean {
  return ownChild(pass, "StatefulSet") !== undefined || pass.dependencies.store.pods(pass.name).length > 0;
}
