/** The part of a PersistentVolumeClaim that reconciling reads. */

import type { KubernetesObject } from "../kubernetes-object.ts";

export interface Claim extends KubernetesObject {
  readonly spec?: { readonly resources?: { readonly requests?: { readonly storage?: string } } };
  readonly status?: { readonly phase?: string; readonly capacity?: { readonly storage?: string } };
}
