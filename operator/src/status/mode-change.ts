/** How far a group is on its way into a cluster (spec.mode). */

export interface ModeChange {
  readonly reason: /** The group serves, and something has to come first. */
    | "ModeChangeDue"
    /** Writes wait, or nobody serves, and it is soon over. */
    | "ModeChanging"
    /** The group serves, and somebody has to act. */
    | "OtherDatabases"
    | "SaveFailed"
    | "ModeRefused";
  readonly message: string;
}

/** Of servers that serve nobody, or no writes, because they are about to become a cluster. */
export function isChanging(change: ModeChange | undefined): boolean {
  return change?.reason === "ModeChanging";
}
