/** Compares directives of a running server with what they should be, and sets those that differ. */

import type { KvSession } from "../kv/kv-session.ts";
import type { Applied } from "./on-every-server.ts";
import type { Pass } from "./step.ts";

/** What the server does not know is left out. */
export async function setDirectives(
  { spellings }: Pick<Pass, "spellings">,
  session: KvSession,
  wanted: ReadonlyMap<string, string>,
): Promise<Applied> {
  const names = [...wanted.keys()];
  const changed = new Set<string>();
  const refusals = new Map<string, string>();
  const before = await session.configuration(names);
  const different = [...wanted].filter(([directive, value]) => {
    const shown = before.get(directive);
    return shown !== undefined && !spellings.isShownAs(directive, value, shown);
  });
  if (different.length === 0) return { changed, refusals };
  for (const [directive, value] of different) {
    const refusal = await session.configure([[directive, value]]);
    if (refusal !== undefined) refusals.set(directive, refusal);
  }
  const after = await session.configuration(names);
  for (const [directive, value] of different) {
    const shown = after.get(directive);
    if (refusals.has(directive) || shown === undefined) continue;
    spellings.learn(directive, value, shown);
    if (shown !== before.get(directive)) changed.add(directive);
  }
  return { changed, refusals };
}
