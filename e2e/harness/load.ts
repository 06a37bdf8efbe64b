/**
 * A load on a cluster (clients/load.py): it writes from start to end, and is asked meanwhile how it goes and whether what was
 * acknowledged is there. It runs wherever its program is started, in the client pod or on a machine.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** From one question to the next. */
export interface Period {
  readonly seconds: number;
  readonly writes: number;
  /** Failures that the client's own retries did not hide, by what they said. */
  readonly errors: Readonly<Record<string, number>>;
  /** The longest time without a write, in seconds, for each range of slots. */
  readonly gaps: readonly number[];
}

export interface Check {
  readonly checked: number;
  /** Keys that are not there as acknowledged. */
  readonly lost: readonly string[];
}

export interface Load {
  period(): Promise<Period>;
  /** How long each range of slots has been without a write, in seconds. */
  idle(): Promise<readonly number[]>;
  check(): Promise<Check>;
  /** Stops, and checks everything once more. */
  end(): Promise<Period & Check>;
  kill(): void;
}

export interface LoadSettings {
  /** Where clients start: host names of the cluster. */
  readonly hosts: readonly string[];
  readonly password: string;
  /** How many replicas a write must have reached to count as acknowledged; 0: none. */
  readonly copies?: number;
  readonly writesPerSecond?: number;
}

export function loadEnvironment(settings: LoadSettings): Readonly<Record<string, string>> {
  return {
    NODES: settings.hosts.map((host) => `${host}:6379`).join(","),
    PASSWORD: settings.password,
    COPIES: `${settings.copies ?? 0}`,
    RATE: `${settings.writesPerSecond ?? 600}`,
  };
}

/** Resolves once all its writers are connected. */
export async function startLoad(program: string, argv: readonly string[]): Promise<Load> {
  const child = spawn(program, argv, { stdio: ["pipe", "pipe", "inherit"] });
  const waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  let ended: Error | undefined;
  createInterface({ input: child.stdout }).on("line", (line) => waiting.shift()?.resolve(line));
  const fail = (error: Error): void => {
    ended ??= error;
    for (const { reject } of waiting.splice(0)) reject(error);
  };
  child.on("error", fail);
  child.on("close", (code) => fail(new Error(`the load ended with exit code ${code}`)));
  child.stdin.on("error", fail);
  const ask = async <T>(question: string): Promise<T> => {
    const line = await new Promise<string>((resolve, reject) => {
      if (ended !== undefined) return reject(ended);
      waiting.push({ resolve, reject });
      child.stdin.write(`${question}\n`);
    });
    return JSON.parse(line) as T;
  };
  const load: Load = {
    period: () => ask("period"),
    idle: () => ask("idle"),
    check: () => ask("check"),
    end: () => ask("end"),
    kill: () => child.kill("SIGKILL"),
  };
  await load.period();
  return load;
}

export function longestGap({ gaps }: Period): number {
  return Math.max(...gaps);
}

export function errorCount({ errors }: Period): number {
  return Object.values(errors).reduce((sum, count) => sum + count, 0);
}

/** One line that says how it went. */
export function describeLoad(what: string, period: Period & Check): string {
  const gap = longestGap(period).toFixed(1);
  const errors = Object.entries(period.errors).map(([kind, count]) => `${count} × ${kind}`);
  return (
    `${what}: ${period.writes} writes in ${period.seconds} s, ${period.lost.length} of ${period.checked} acknowledged lost, ` +
    `longest pause ${gap} s, errors: ${errors.join(", ") || "none"}`
  );
}
