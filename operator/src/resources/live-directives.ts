/**
 * Which directives change while servers run, as the server's own table says (protocol/server-directives), and what CONFIG SET is
 * given for them: what the spec asks for and what the operator prefers, nothing else, so that a newer image keeps defaults of its
 * own. A directive that the table does not know, of a newer image perhaps, needs a restart. Those that belong to the operator
 * are set elsewhere and left alone here.
 */

import { SERVER_DIRECTIVES, type ServerDirective } from "@kvcluster/protocol/server-directives";
import { splitArguments } from "@kvcluster/protocol/split-arguments";
import { RESERVED_CONFIG_KEYS } from "../api/kv-cluster.ts";

const BY_NAME: ReadonlyMap<string, ServerDirective> = new Map(
  SERVER_DIRECTIVES.flatMap((row) => [row.name, row.alias ?? row.name].map((name) => [name, row] as const)),
);

/** The spec has fields of their own for them. */
const DECIDED: readonly string[] = ["maxmemory", "maxmemory-policy", "tls-auth-clients"];

const MANAGED: readonly ServerDirective[] = SERVER_DIRECTIVES.filter(
  ({ name, change }) =>
    change === "live" && (DECIDED.includes(name) || !(RESERVED_CONFIG_KEYS as readonly string[]).includes(name)),
);

/** A value of such a directive changes what it names and leaves the rest, as it was in the server that is asked. */
const PARTIAL: readonly string[] = ["client-output-buffer-limit"];

export const LIVE_DIRECTIVES: readonly string[] = MANAGED.map(({ name }) => name);

/** By its name or its other one. */
export function directiveRow(name: string): ServerDirective | undefined {
  return BY_NAME.get(name);
}

/** The name of a directive that may go by another one. */
export function directiveName(name: string): string {
  return directiveRow(name)?.name ?? name;
}

/** Whether running servers are told of it. */
export function isLive(name: string): boolean {
  return LIVE_DIRECTIVES.includes(name);
}

/** Of the user's words, those that a server only reads when it starts. */
export function restartDirectives(config: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(config).filter(([name]) => directiveRow(name)?.change !== "live"));
}

/** What CONFIG SET is given for each live directive of those, and for those that have left: what they were at first. */
export function liveValues(
  directives: Readonly<Record<string, string>>,
  left: readonly string[] = [],
): ReadonlyMap<string, string> {
  return new Map(
    MANAGED.flatMap(({ name, initial }): readonly (readonly [string, string])[] => {
      const given = directives[name];
      if (given === undefined) return left.includes(name) ? [[name, initial]] : [];
      return [[name, PARTIAL.includes(name) ? `${initial} ${given}` : unquoted(given)]];
    }),
  );
}

/** In a file a value may stand in quotes. */
function unquoted(value: string): string {
  const words = splitArguments(value);
  return words?.length === 1 ? (words[0] ?? "") : value;
}
