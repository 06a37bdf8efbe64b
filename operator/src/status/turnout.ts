/** How many of the servers answered when something was asked of all of them, and what can be said if some did not. */

import type { ConditionVerdict } from "./condition-verdict.ts";

export interface Turnout {
  readonly servers: number;
  /** Of them, those that did not answer. */
  readonly unheard: number;
}

/** What is so on all servers is not known while some did not answer. */
export function unheardVerdict(type: string, turnout: Turnout): ConditionVerdict | undefined {
  if (turnout.unheard === 0) return undefined;
  const message = unheardSentence(turnout);
  return { type, status: "Unknown", reason: "ServersUnheard", message };
}

/** With a full stop before it, for the end of another message; empty where all answered. */
export function unheardAddition(turnout: Turnout | undefined): string {
  return turnout === undefined || turnout.unheard === 0 ? "" : `. ${unheardSentence(turnout)}`;
}

function unheardSentence({ servers, unheard }: Turnout): string {
  return `${unheard} of ${servers} servers did not answer`;
}
