/** UsersApplied: every server has the users of spec.auth.users with their rules and passwords. Only where there are any. */

import { type ClusterFacts, listOf } from "./cluster-facts.ts";
import { type ConditionVerdict, lastVerdict } from "./condition-verdict.ts";
import { unheardAddition, unheardVerdict } from "./turnout.ts";

export interface UserProblem {
  readonly reason: "UserPasswordMissing" | "UserRefused";
  readonly user: string;
  readonly message: string;
}

const type = "UsersApplied";

export function usersApplied({ cluster, userProblems, userTurnout }: ClusterFacts): ConditionVerdict | undefined {
  if ((cluster.spec.auth.users ?? []).length === 0) return undefined;
  if (userProblems === undefined || userTurnout === undefined) return lastVerdict(cluster, type);
  const [first] = userProblems;
  if (first === undefined) {
    const message = "All servers have the users of the spec";
    return unheardVerdict(type, userTurnout) ?? { type, status: "True", reason: "Applied", message };
  }
  const said = userProblems.map(({ user, message }) => `user "${user}" (${message})`);
  return {
    type,
    status: "False",
    reason: first.reason,
    message: `Servers keep what they have, if anything, of ${listOf(said)}${unheardAddition(userTurnout)}`,
  };
}
