/**
 * Which directives change while servers run, as the server's own table says (protocol/server-directives), and what the
 * operator keeps them at: what the spec asks for, else the server's default, so that a directive which leaves the spec goes
 * back. A directive that the table does not know, of a newer image perhaps, needs a restart. Those that belong to the operator
 * are set elsewhere and left alone here.
 */

import { SERVER_DIRECTIVES, type ServerDirective } from "@kvcluster/protocol/server-directives";
import { splitArguments } from "@kvcluster/protocol/split-arguments";
import { RESERVED_CONFIG_KEYS } from "../api/kv-cluster.ts";

const BY_NAME: ReadonlyMap<string, ServerDirective> = new Map(
  SERVER_DIRECTIVES.flatMap((row) => [row.name, row.alias ?? row.name].map((name) => [name, row] as const)),
);

/** The spec has fields of their own for them. */
const DECIDED: readonly string[] = ["maxmemory", "maxmemory-policy"];

const MANAGED: readonly ServerDirective[] = SERVER_DIRECTIVES.filter(
  ({ name, change }) =>
    change === "live" && (DECIDED.includes(name) || !(RESERVED_CONFIG_KEYS as readonly string[]).includes(name)),
);

/** A value of such a directive changes what it names and leaves the rest, as it was in the server that is asked. */
const PARTIAL: readonly string[] = ["client-output-buffer-limit"];

/** What can be asked of every server. */
export const LIVE_DIRECTIVES: readonly string[] = MANAGED.map(({ name }) => name);

/** The name of a directive that may go by another one. */
export function directiveName(name: string): string {
  return BY_NAME.get(name)?.name ?? name;
}

/** Of the user's words, those that a server only reads when it starts. */
export function restartDirectives(config: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(config).filter(([name]) => BY_NAME.get(name)?.change !== "live"));
}

/** What CONFIG SET is given for each live directive. */
export function liveValues(directives: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(
    MANAGED.map(({ name, initial }) => {
      const given = directives[name];
      if (given === undefined) return [name, initial];
      return [name, PARTIAL.includes(name) ? `${initial} ${given}` : unquoted(given)];
    }),
  );
}

/** In a file a value may stand in quotes. */
function unquoted(value: string): string {
  const words = splitArguments(value);
  return words?.length === 1 ? (words[0] ?? "") : value;
}
