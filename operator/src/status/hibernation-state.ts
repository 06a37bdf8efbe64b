/**
 * How far a cluster is with spec.hibernated: its servers save, then they stop, then nothing runs until they are woken up.
 * Their volumes, Services and Secrets stay.
 */

export interface HibernationState {
  readonly kind: /** Something else has to end first. */
    | "due"
    /** Clients do not write any more, and servers save what they hold. */
    | "saving"
    /** All is saved, and the pods go. */
    | "stopping"
    | "hibernated"
    /** It is over, and not everything is as it was yet. */
    | "waking";
  readonly reason: string;
  readonly message: string;
}

/** Whether the StatefulSets are to have no pods. */
export function hasNoPods(hibernation: HibernationState | undefined): boolean {
  return hibernation?.kind === "stopping" || hibernation?.kind === "hibernated";
}

/** Of a cluster that serves nobody because somebody wants it so. */
export function restOf(hibernation: HibernationState | undefined): HibernationState | undefined {
  return hibernation?.kind === "saving" || hasNoPods(hibernation) ? hibernation : undefined;
}

/** Whether what is missing is no loss. */
export function isAsleep(hibernation: HibernationState | undefined): boolean {
  return hibernation !== undefined && hibernation.kind !== "due";
}
