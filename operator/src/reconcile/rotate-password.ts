/**
 * Takes on a new password while clients go on. First every server accepts it beside the one in use, and uses it towards its
 * primary; then the Secrets of servers and applications carry it; after a while, in which applications take it on, the old one
 * is dropped. The Secret of the servers is the memory: it keeps the old password as long as that is valid, so a server that
 * restarted at the wrong moment can still be reached by it and is told again.
 *
 * Nothing begins, and nothing is dropped, before all servers answer.
 */

import type { KvSession } from "../kv/kv-session.ts";
import { type Pass, PROCEED, type Step, type StepResult } from "./step.ts";

/** For applications that mount the Secret: the kubelet brings it within a minute or two. */
const BOTH_VALID_MS = 300_000;

export const rotatePassword: Step = {
  name: "rotate password",
  changes: true,
  run: async (pass) => {
    if (pass.nextPassword !== undefined) return await begin(pass, pass.nextPassword);
    if (pass.oldPassword !== undefined) await finish(pass, pass.oldPassword);
    return PROCEED;
  },
};

async function begin(pass: Pass, next: string): Promise<StepResult> {
  const { password, dependencies } = pass;
  if (password === undefined || !isEveryoneThere(pass)) {
    pass.passwordProblem = "There is a new password: it is taken on when all servers answer";
    return PROCEED;
  }
  for (const session of pass.sessions.values()) await session.acceptPassword(next);
  const until = new Date(dependencies.nowMs() + BOTH_VALID_MS).toISOString();
  pass.oldPassword = { password, until };
  pass.password = next;
  tell(pass, "PasswordChanged", `All servers accept the new password; the old one is dropped after ${until}`);
  return PROCEED;
}

async function finish(pass: Pass, old: NonNullable<Pass["oldPassword"]>): Promise<void> {
  const { password = "", dependencies } = pass;
  for (const session of sessionsOf(pass, pass.laggingPods)) await session.acceptPassword(password);
  if (dependencies.nowMs() < Date.parse(old.until) || !isEveryoneThere(pass)) return;
  for (const session of pass.sessions.values()) await session.dropOtherPasswords(password);
  pass.oldPassword = undefined;
  tell(pass, "OldPasswordDropped", "The old password is not valid any more");
}

function isEveryoneThere({ podViews }: Pass): boolean {
  return podViews.length > 0 && podViews.every(({ node }) => node !== undefined);
}

function sessionsOf({ sessions }: Pass, pods: ReadonlySet<string>): readonly KvSession[] {
  return [...sessions].filter(([pod]) => pods.has(pod)).map(([, session]) => session);
}

function tell({ cluster, dependencies }: Pass, reason: string, note: string): void {
  dependencies.log.info(note, { reason });
  dependencies.events.record({ regarding: cluster, action: "RotatePassword", type: "Normal", reason, note });
}
