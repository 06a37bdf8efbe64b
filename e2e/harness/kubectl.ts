// Runs kubectl and hands back what it printed. The tests see Kubernetes only through this door, as a person would; the
// cluster is the one that KUBECONFIG names.
import { spawn } from "node:child_process";

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const TIMEOUT_MS = 180_000;

export interface RunOptions {
  /** What it reads from its standard input. */
  readonly input?: string | undefined;
  readonly timeoutMs?: number;
}

/** Runs a program to its end. Never throws for an exit code: `run` tells, `mustRun` insists on 0. */
export function run(program: string, argv: readonly string[], options: RunOptions = {}): Promise<Result> {
  const { input = "", timeoutMs = TIMEOUT_MS } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, argv, { timeout: timeoutMs, stdio: ["pipe", "pipe", "pipe"] });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.on("error", reject);
    child.on("close", (code) =>
      resolve({ code: code ?? -1, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }),
    );
    // A program that ends before it has read its input is its own affair: its exit code tells.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}

export async function mustRun(program: string, argv: readonly string[], input?: string): Promise<string> {
  const result = await run(program, argv, { input });
  if (result.code !== 0) {
    throw new Error(`${program} ${argv.join(" ")}: exit code ${result.code}\n${result.stderr}${result.stdout}`);
  }
  return result.stdout;
}

/** Words for `env`. */
export function variables(environment: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(environment).map((pair) => pair.join("="));
}

export const kubectl = (...argv: readonly string[]): Promise<string> => mustRun("kubectl", argv);
export const tryKubectl = (...argv: readonly string[]): Promise<Result> => run("kubectl", argv);
export const apply = (namespace: string, manifest: string): Promise<string> =>
  mustRun("kubectl", ["-n", namespace, "apply", "-f", "-"], manifest);

/** The fields of Kubernetes objects that the tests look at. */
export interface KubernetesObject {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly status?: {
    readonly phase?: string;
    readonly observedGeneration?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

export async function getObject<T extends KubernetesObject>(namespace: string, name: string): Promise<T> {
  return JSON.parse(await kubectl("-n", namespace, "get", name, "-o", "json")) as T;
}

export async function listObjects<T extends KubernetesObject>(
  namespace: string,
  kinds: string,
  selector = "",
): Promise<readonly T[]> {
  const text = await kubectl("-n", namespace, "get", kinds, "-l", selector, "-o", "json");
  return (JSON.parse(text) as { items: readonly T[] }).items;
}

export function conditionOf(object: KubernetesObject, type: string): string | undefined {
  return object.status?.conditions?.find((condition) => condition.type === type)?.status;
}
