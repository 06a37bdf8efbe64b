/** UsersApplied: every server has the users of spec.auth.users with their rules and passwords. Only where there are any. */

import { type ClusterFacts, listOf } from "./cluster-facts.ts";
import { type ConditionVerdict, lastVerdict } from "./condition-verdict.ts";

export interface UserProblem {
  readonly reason: "UserPasswordMissing" | "UserRefused";
  readonly user: string;
  readonly message: string;
}

const type = "UsersApplied";

export function usersApplied({ cluster, userProblems }: ClusterFacts): ConditionVerdict | undefined {
  if ((cluster.spec.auth.users ?? []).length === 0) return undefined;
  if (userProblems === undefined) return lastVerdict(cluster, type);
  const [first] = userProblems;
  if (first === undefined) {
    return { type, status: "True", reason: "Applied", message: "Servers have the users of the spec" };
  }
  const said = userProblems.map(({ user, message }) => `user "${user}" (${message})`);
  return {
    type,
    status: "False",
    reason: first.reason,
    message: `Servers keep what they have, if anything, of ${listOf(said)}`,
  };
}
