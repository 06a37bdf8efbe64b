/** Random calls of all commands that both servers have, in episodes, until there have been enough or one differs. */

import { ALL_COMMANDS } from "../commands/all-commands.ts";
import { CallGenerator } from "./call-generator.ts";
import { type Difference, type EpisodeCall, type Ports, runEpisode, showCall } from "./episode.ts";
import { ReferenceClient } from "./reference-server.ts";
import { Script, type Word } from "./script.ts";
import { shrink } from "./shrink.ts";

const EPISODE_CALLS = 5000;
const STATE_EVERY = 1000;
const SUBCOMMANDS_COLUMN = 9;

export interface RandomCommandsOptions {
  readonly ports: Ports;
  readonly seed: number;
  readonly calls: number;
  readonly progress?: (done: number) => void;
}

export interface RandomCommandsResult {
  readonly calls: number;
  readonly commands: readonly string[];
  /** With its seed, history and shrunk reproduction. */
  readonly failure: string | undefined;
}

export async function runRandomCommands(options: RandomCommandsOptions): Promise<RandomCommandsResult> {
  const { ports, seed } = options;
  const known = await commandsOf(ports.reference);
  const payloads = await payloadsOf(ports.reference);
  let done = 0;
  let commands: readonly string[] = [];
  for (let episode = 0; done < options.calls; episode++) {
    const script = new Script(seed + episode);
    const generator = new CallGenerator(script, {
      rows: ALL_COMMANDS.flat(),
      isKnownToBoth: (name) => known.has(name),
      payloads,
    });
    commands = generator.names;
    const calls = episodeCalls(script, generator, Math.min(EPISODE_CALLS, options.calls - done));
    const difference = await runEpisode(ports, calls, { stateEvery: STATE_EVERY, withEvents: true });
    if (difference !== undefined) {
      return {
        calls: done + difference.at,
        commands,
        failure: await explain(ports, calls, difference, seed + episode),
      };
    }
    done += calls.length;
    options.progress?.(done);
  }
  return { calls: done, commands, failure: undefined };
}

function episodeCalls(script: Script, generator: CallGenerator, count: number): EpisodeCall[] {
  const calls: EpisodeCall[] = script.once(2) ? [["HELLO", "3"]] : [];
  while (calls.length < count) calls.push(...generator.next());
  calls.push(["DISCARD"]);
  return calls;
}

async function explain(
  ports: Ports,
  calls: readonly EpisodeCall[],
  difference: Difference,
  seed: number,
): Promise<string> {
  const shrunk = await shrink(ports, calls, difference, { withEvents: true });
  const history = shrunk.calls.map((call) => `  ${showCall(call)}`);
  return [
    `The servers differ at call ${difference.at} of seed ${seed}: ${difference.what}`,
    `In brief (${history.length} calls):`,
    ...history,
    shrunk.difference.what,
  ].join("\n");
}

/** Names (`config|get` for a subcommand) of the commands that a server has. */
async function commandsOf(port: number): Promise<ReadonlySet<string>> {
  const client = await ReferenceClient.connect(port);
  const [reply] = await client.send([["COMMAND"]]);
  client.close();
  const names = new Set<string>();
  const visit = (row: unknown): void => {
    const columns = row as unknown[];
    names.add(String(columns[0]));
    for (const subcommand of (columns[SUBCOMMANDS_COLUMN] ?? []) as unknown[]) visit(subcommand);
  };
  for (const row of reply as unknown[]) visit(row);
  return names;
}

/** Values of every type and encoding as DUMP of the reference gives them. */
async function payloadsOf(port: number): Promise<Word[]> {
  const many = Array.from({ length: 200 }, (_, i) => [String(i), `m${i}`]).flat();
  const values: Word[][] = [
    ["SET", "text", "a"],
    ["SET", "number", "12"],
    ["SET", "long", "x".repeat(500)],
    ["RPUSH", "list", "a", "b", "1"],
    ["SADD", "integers", "1", "2", "3"],
    ["SADD", "set", "a", "b", "c"],
    ["HSET", "hash", "a", "1", "b", "x"],
    ["HSET", "large hash", ...many],
    ["ZADD", "zset", "1", "a", "2.5", "b"],
    ["ZADD", "large zset", ...many],
    ["XADD", "stream", "1-1", "a", "1"],
    ["PFADD", "counts", "a", "b"],
  ];
  const ours = new Set(ALL_COMMANDS.flat().map(({ name }) => name));
  const loadable = values.filter(([command = ""]) => ours.has(command.toString().toLowerCase()));
  const client = await ReferenceClient.connect(port);
  await client.send([["FLUSHALL"], ...loadable]);
  const dumps = await client.send(loadable.map(([, key = ""]) => ["DUMP", key]));
  client.close();
  return dumps.filter((dump) => Buffer.isBuffer(dump));
}
