/**
 * The shape that every planner shares: it looks at a survey and answers with actions of one kind, with what it waits for
 * (passes by itself) and with problems (somebody has to look).
 */

import type { Action } from "./action.ts";
import type { ClusterSurvey } from "./cluster-view.ts";

export interface TopologySpec {
  readonly shards: number;
  readonly replicasPerShard: number;
  /** The cluster was complete before and keeps its data on volumes: slots that nobody owns now are a loss, no beginning. */
  readonly isFormed: boolean;
  /** Servers lose their data with their pods: what no pod holds any more will not come back. */
  readonly isEphemeral: boolean;
  /** Files are being made of what each shard holds: a slot that moved meanwhile would be in none of them, or in two. */
  readonly isBackupRunning: boolean;
  /** How long a replica must have been without its primary before the operator may promote it in place of an election. */
  readonly takeoverAfterSeconds: number;
}

/** What stands in the way and will not pass by itself. */
export interface Problem {
  readonly reason:
    | "MajorityUnreachable"
    | "SlotsUnassigned"
    | "SlotsWithoutNode"
    | "DataWithoutSlots"
    | "SeveralPrimaries"
    | "TakeoverUnsafe"
    | "SlotsImmovable";
  readonly message: string;
}

export interface Step {
  readonly actions: readonly Action[];
  readonly waits: readonly string[];
  readonly problems: readonly Problem[];
}

export type Planner = (survey: ClusterSurvey, spec: TopologySpec) => Step;

export const NOTHING: Step = { actions: [], waits: [], problems: [] };
