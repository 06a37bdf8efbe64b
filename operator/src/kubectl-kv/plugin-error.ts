/**
 * What ends the plugin with a message for the person at the keyboard and an exit code for scripts, and how errors of others
 * read to somebody who has never seen this code.
 */

import { ApiError } from "../kube/api-error.ts";

export const EXIT_CODES = { failed: 1, usage: 2, timedOut: 3 } as const;

export class PluginError extends Error {
  override readonly name = "PluginError";
  readonly exitCode: number;

  constructor(message: string, reason: keyof typeof EXIT_CODES = "failed") {
    super(message);
    this.exitCode = EXIT_CODES[reason];
  }
}

const ADVICE: Partial<Record<ApiError["kind"], string>> = {
  notFound: "Is the operator's Helm chart installed in this Kubernetes?",
  unauthorized: "The API server does not know who you are: check the current context of your kubeconfig.",
  forbidden: "Your account lacks this right; docs/kubectl-kv.md lists what each command needs.",
  throttled: "The API server is busy: try again in a moment.",
  unavailable: "The API server or what stands before it is in trouble.",
};

/** The messages, one line each. */
export function explain(error: unknown): string {
  if (error instanceof ApiError) {
    const advice = ADVICE[error.kind];
    return advice === undefined ? error.message : `${error.message}\n${advice}`;
  }
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ECONNREFUSED" || code === "ENOTFOUND" || code === "EHOSTUNREACH" || code === "ETIMEDOUT") {
    return `Cannot reach the API server: ${reasonOf(error)}\nCheck the current context of your kubeconfig (kubectl config current-context).`;
  }
  if (error.name === "TimeoutError") return "The API server did not answer in time";
  return error.message;
}

/** A refused connection to several addresses has a message for each of them and none of its own. */
function reasonOf(error: Error): string {
  if (error.message !== "") return error.message;
  return error instanceof AggregateError ? error.errors.map((each: Error) => each.message).join("; ") : error.name;
}
