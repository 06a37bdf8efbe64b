/**
 * How far a cluster is with what spec.bootstrap asks for. Until it is done the cluster is not Ready and no Service leads to
 * it: whoever came too early would find less than everything.
 */

import type { RestoreStatus } from "../api/kv-cluster-status.ts";

export type RestoreState =
  /** Goes on by itself: `due` means that the Job may start now. */
  | { readonly kind: "waiting" | "due" | "running"; readonly reason: string; readonly message: string }
  /** Somebody has to act. */
  | { readonly kind: "failed"; readonly reason: string; readonly message: string }
  | { readonly kind: "done"; readonly reason: string; readonly message: string };

export interface RestoreFacts {
  readonly state: RestoreState;
  readonly status: RestoreStatus;
}

/** Whether clients are kept away until everything is there. */
export function isHeldBack(restore: RestoreFacts | undefined): boolean {
  return restore !== undefined && restore.state.kind !== "done";
}
