/** The connections of a pass that reach servers of this cluster: a server at the address of a pod may be another one. */

import type { KvSession } from "../kv/kv-session.ts";
import type { Pass } from "./step.ts";

export interface OwnSession {
  readonly pod: string;
  readonly session: KvSession;
}

export function ownSessions({ podViews, sessions }: Pass): readonly OwnSession[] {
  return podViews.flatMap(({ pod, node }) => {
    const session = node === undefined ? undefined : sessions.get(pod);
    return session === undefined ? [] : [{ pod, session }];
  });
}
