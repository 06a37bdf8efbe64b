// The shell of somebody who reads our pages: its blocks run as printed, one after another. What a block sets, the next ones see;
// a block of which a command fails is a failure. kubectl's settings are a copy, whose namespace is that of the test.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CLIENT_IMAGE, REGISTRY } from "../harness/images.ts";
import { mustRun, type Result, run, variables } from "../harness/kubectl.ts";
import { ROOT } from "./page.ts";

const LIMIT_SECONDS = 600;
/** For what does not end when it is told to. */
const PATIENCE_SECONDS = 10;
/** $0: where variables are kept from block to block. $1: the block. */
const SCRIPT = 'set -e -o pipefail; set -a; . "$0"; eval "$1"; export -p > "$0"';

export interface Shell {
  /** For files; it goes with the shell. */
  readonly folder: string;
  /** What the block printed on its standard output. */
  run(block: string, options?: BlockOptions): Promise<string>;
  /** The same of a block that may fail; one that is not over in time has exit code 124. */
  tryRun(block: string, options?: BlockOptions): Promise<Result>;
  /** The program that runs a block, with its arguments. */
  program(block: string, options?: BlockOptions): readonly [string, ...string[]];
  close(): void;
}

export interface BlockOptions {
  /** What is typed meanwhile. */
  readonly input?: string;
  /** Where; in the folder of the repository else. */
  readonly directory?: string;
  readonly seconds?: number;
}

export async function openShell(namespace: string): Promise<Shell> {
  const folder = mkdtempSync(join(tmpdir(), "e2e-shell-"));
  const [kept, kubeconfig] = [join(folder, "variables"), join(folder, "kubeconfig")];
  writeFileSync(kept, "");
  writeFileSync(kubeconfig, await mustRun("kubectl", ["config", "view", "--raw", "--flatten"]), { mode: 0o600 });
  const inNamespace = ["config", "set-context", "--current", "--namespace", namespace];
  await mustRun("kubectl", ["--kubeconfig", kubeconfig, ...inNamespace]);
  const environment = variables({ KUBECONFIG: kubeconfig, REGISTRY });
  const program: Shell["program"] = (block, { directory = ROOT, seconds = LIMIT_SECONDS } = {}) => {
    // timeout ends what the block has started, too
    const limited = ["--kill-after", `${PATIENCE_SECONDS}`, `${seconds}`, "env", "--chdir", directory, ...environment];
    return ["timeout", ...limited, "bash", "-c", SCRIPT, kept, asHere(block)];
  };
  const tryRun: Shell["tryRun"] = (block, options = {}) => {
    const { seconds = LIMIT_SECONDS } = options;
    const [name, ...argv] = program(block, options);
    return run(name, argv, { input: options.input, timeoutMs: 1_000 * (seconds + 2 * PATIENCE_SECONDS) });
  };
  return {
    folder,
    program,
    tryRun,
    run: async (block, options) => {
      const { code, stdout, stderr } = await tryRun(block, options);
      if (code !== 0) throw new Error(`Exit code ${code} of:\n${block}\n${stdout}${stderr}`);
      return stdout;
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** All that is changed of what a page prints: elsewhere the image has another name. */
function asHere(block: string): string {
  return block.replaceAll("kvcluster/client:dev", CLIENT_IMAGE);
}
