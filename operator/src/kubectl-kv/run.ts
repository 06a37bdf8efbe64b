/** Words of the command line in, exit code out. Help needs no Kubernetes: the doors to it are opened when a command runs. */

import { parseInvocation } from "./arguments.ts";
import { COMMANDS } from "./commands.ts";
import type { Context, Terminal } from "./context.ts";
import { commandHelp, generalHelp } from "./help.ts";
import { EXIT_CODES, explain, PluginError } from "./plugin-error.ts";

export interface Choice {
  readonly namespace: string | undefined;
  readonly context: string | undefined;
  readonly kubeconfig: string | undefined;
}

export async function runPlugin(
  argv: readonly string[],
  terminal: Terminal,
  open: (choice: Choice) => Context,
): Promise<number> {
  try {
    await dispatch(argv, terminal, open);
    return 0;
  } catch (error) {
    terminal.warn(`${explain(error)}\n`);
    return error instanceof PluginError ? error.exitCode : EXIT_CODES.failed;
  }
}

async function dispatch(
  [name, ...argv]: readonly string[],
  terminal: Terminal,
  open: (choice: Choice) => Context,
): Promise<void> {
  const rows = COMMANDS.map(({ row }) => row);
  if (name === "--help" || name === "-h" || name === "help") {
    const row = rows.find((each) => each.name === argv[0]);
    terminal.write(row === undefined ? generalHelp(rows) : commandHelp(row));
    return;
  }
  const command = COMMANDS.find(({ row }) => row.name === name);
  if (command === undefined) {
    const known = rows.map((row) => row.name).join(", ");
    const what = name === undefined ? "A command is missing" : `There is no command "${name}"`;
    throw new PluginError(`${what}: ${known}; see "kubectl kv --help"`, "usage");
  }
  const invocation = parseInvocation(command.row, argv);
  if (invocation.has("help")) {
    terminal.write(commandHelp(command.row));
    return;
  }
  const context = open({
    namespace: invocation.text("namespace"),
    context: invocation.text("context"),
    kubeconfig: invocation.text("kubeconfig"),
  });
  try {
    await command.run(context, invocation);
  } finally {
    context.transport.close();
  }
}
