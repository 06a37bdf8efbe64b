/** What a chaos run came to: as JSON for machines, in a few lines for people. */

export interface TurnReport {
  /** Seconds from the start of the run. */
  readonly at: number;
  readonly kinds: readonly string[];
  readonly what: string;
  readonly heldSeconds: number;
  /** From the end of the fault on; null when it was not so in time. */
  readonly readySeconds: number | null;
  readonly longestGapSeconds: number;
  readonly writes: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly lost: readonly string[];
}

export interface ChaosReport {
  readonly seed: number;
  readonly minutes: number;
  readonly turns: readonly TurnReport[];
  /** Writes, all of which were looked for at the end. */
  readonly acknowledged: number;
  readonly lost: readonly string[];
  /** Rounds in which all servers were asked who takes writes. */
  readonly rounds: number;
  readonly violations: readonly string[];
}

export function describeTurn(turn: TurnReport): string {
  const ready = turn.readySeconds === null ? "NOT READY AGAIN" : `Ready after ${turn.readySeconds.toFixed(1)} s`;
  const lost = turn.lost.length === 0 ? "" : `, ${turn.lost.length} WRITES LOST`;
  const what = turn.kinds.join(" + ");
  return `${turn.at.toFixed(0).padStart(5)} s  ${what} (${turn.what}), ${turn.heldSeconds.toFixed(0)} s: ${ready}, longest pause of writes ${turn.longestGapSeconds.toFixed(1)} s, ${turn.writes} writes${lost}`;
}

export function describeRun(report: ChaosReport): string {
  const lines = kindsOf(report).map((kind) => describeKind(kind, report));
  const doubles = report.turns.filter(({ kinds }) => kinds.length > 1).length;
  return [
    `chaos: seed ${report.seed}, ${report.minutes} minutes, ${report.turns.length} turns, ${doubles} of them with two faults`,
    ...lines,
    `  ${report.lost.length} of ${report.acknowledged} acknowledged writes lost`,
    `  ${report.violations.length} times two servers took writes of one slot, in ${report.rounds} rounds of asking all`,
    ...report.violations.map((violation) => `    ${violation}`),
  ].join("\n");
}

function kindsOf({ turns }: ChaosReport): readonly string[] {
  return [...new Set(turns.flatMap(({ kinds }) => kinds))].sort();
}

function describeKind(kind: string, { turns }: ChaosReport): string {
  const mine = turns.filter(({ kinds }) => kinds.includes(kind));
  const late = mine.filter(({ readySeconds }) => readySeconds === null).length;
  const ready = Math.max(...mine.map(({ readySeconds }) => readySeconds ?? 0));
  const gap = Math.max(...mine.map(({ longestGapSeconds }) => longestGapSeconds));
  const tooLate = late === 0 ? "" : `, ${late} times not in time`;
  return `  ${kind}: ${mine.length}, Ready after ${ready.toFixed(1)} s at most${tooLate}, pause of writes ${gap.toFixed(1)} s at most`;
}
