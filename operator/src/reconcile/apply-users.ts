/**
 * Keeps the users of spec.auth.users on every server: set when they differ from what the spec says or their Secrets hold, so a
 * new password is taken on while clients go on, and deleted when they leave the spec. The default user, by which the operator
 * and the servers among themselves log in, cannot be declared and is not touched.
 *
 * A line goes into the file that servers start with only once a server has taken it: a mistake in it would keep them from
 * starting. What is refused, or lacks its password, is told in the condition UsersApplied and stays as it was.
 */

import { createHash } from "node:crypto";
import type { DeclaredUser } from "../api/kv-cluster.ts";
import type { KvSession } from "../kv/kv-session.ts";
import { declaredUsersOf, removedUsers, userLine } from "../resources/declared-users.ts";
import type { DeclaredUsers } from "../resources/manifest.ts";
import type { UserProblem } from "../status/users-applied.ts";
import { type Applied, onEveryServer, refusalsIn, tellChanges } from "./on-every-server.ts";
import { passwordIn, readSecrets, serverSecret } from "./secrets.ts";
import { type Pass, PROCEED, type Step } from "./step.ts";

export const applyUsers: Step = {
  name: "apply users",
  changes: true,
  run: async (pass) => {
    const declared = pass.cluster.spec.auth.users ?? [];
    const before = declaredUsersOf(serverSecret(pass));
    const names = declared.map(({ name }) => name);
    const removed = removedUsers(before, names);
    pass.users = { lines: new Map([...before.lines].filter(([name]) => names.includes(name))), removed };
    pass.userProblems = undefined;
    if (declared.length === 0 && removed.length === 0) return PROCEED;
    const { wanted, missing } = await readWanted(pass, declared);
    const { applied, turnout } = await onEveryServer(pass, "users", (session) =>
      applyTo(pass, session, wanted, removed),
    );
    const refusals = refusalsIn(applied);
    pass.userTurnout = turnout;
    pass.userProblems = [...missing, ...[...refusals].map(asProblem)];
    if (applied.length > 0) pass.users = { lines: linesNow(pass.users, wanted, refusals), removed };
    tellChanges(pass, applied, CHANGED);
    return PROCEED;
  },
};

const CHANGED = { action: "ApplyUsers", reason: "UsersChanged", note: "Users changed on running servers" };

/** As a user is after "reset" and "on", so that one from the file looks the same. */
const BASE = ["on", "sanitize-payload"];

/** The words that make each user, by name. */
type Wanted = ReadonlyMap<string, readonly string[]>;

async function readWanted(pass: Pass, declared: readonly DeclaredUser[]) {
  const wanted = new Map<string, readonly string[]>();
  const missing: UserProblem[] = [];
  const names = declared.flatMap(({ passwordSecretRefs }) => passwordSecretRefs.map((reference) => reference.name));
  const secrets = await readSecrets(pass, names);
  for (const { name, rules, passwordSecretRefs } of declared) {
    const hashes: string[] = [];
    for (const { name: secretName, key } of passwordSecretRefs) {
      const password = passwordIn(secrets.get(secretName), key);
      if (password !== undefined) hashes.push(`#${createHash("sha256").update(password).digest("hex")}`);
      else
        missing.push({ reason: "UserPasswordMissing", user: name, message: `Secret "${secretName}" has no "${key}"` });
    }
    if (hashes.length === passwordSecretRefs.length) wanted.set(name, [...BASE, ...hashes, ...rules]);
  }
  return { wanted, missing };
}

async function applyTo(pass: Pass, session: KvSession, wanted: Wanted, removed: readonly string[]): Promise<Applied> {
  const before = await session.users();
  const gone = removed.filter((name) => before.has(name));
  for (const name of gone) await session.deleteUser(name);
  const set = await setDifferent(pass, session, wanted, before);
  return { ...set, changed: new Set([...gone, ...set.changed]) };
}

async function setDifferent(
  { spellings }: Pass,
  session: KvSession,
  wanted: Wanted,
  before: ReadonlyMap<string, string>,
): Promise<Applied> {
  const changed = new Set<string>();
  const refusals = new Map<string, string>();
  const told: string[] = [];
  for (const [name, words] of wanted) {
    if (spellings.isShownAs(name, userLine(name, words), before.get(name) ?? "")) continue;
    const refusal = await session.setUser(name, words);
    if (refusal === undefined) told.push(name);
    else refusals.set(name, refusal);
  }
  const after = told.length === 0 ? before : await session.users();
  for (const name of told) {
    const shown = after.get(name);
    if (shown === undefined) continue;
    spellings.learn(name, userLine(name, wanted.get(name) ?? []), shown);
    if (shown !== before.get(name)) changed.add(name);
  }
  return { changed, refusals };
}

function asProblem([user, message]: readonly [string, string]): UserProblem {
  return { reason: "UserRefused", user, message };
}

/** What servers took, and for the others what they took last. */
function linesNow(
  before: DeclaredUsers,
  wanted: Wanted,
  refusals: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const taken = [...wanted].filter(([name]) => !refusals.has(name));
  return new Map([...before.lines, ...taken.map(([name, words]) => [name, userLine(name, words)] as const)]);
}
