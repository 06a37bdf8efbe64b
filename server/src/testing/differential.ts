/**
 * Runs one script of commands against two servers and compares the bytes of every reply. Steps that follow one another on
 * the same connection are pipelined, so that a script of thousands takes a moment; between connections order is kept.
 * The first difference is an error that shows the seed, the commands before it on that connection, and both replies.
 */

import { type CommandArgument, encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { RawClient } from "./raw-client.ts";

export interface Step {
  /** Which connection sends it; default 0. */
  readonly client?: number;
  readonly args: readonly CommandArgument[];
}

/** Makes replies comparable that differ for a reason other than a fault. */
export interface Normaliser {
  /** Applies to replies of commands whose first words are these, in lower case. */
  readonly command: string;
  readonly reason: string;
  readonly normalise: (reply: Buffer, args: readonly CommandArgument[]) => Buffer;
}

export interface DifferentialOptions {
  readonly ports: { readonly ours: number; readonly reference: number };
  readonly steps: readonly Step[];
  readonly normalisers?: readonly Normaliser[];
  /** Printed with a difference. */
  readonly seed?: number | undefined;
}

const BATCH_STEPS = 500;
const SHOWN_COMMANDS = 12;
const SHOWN_BYTES = 400;

/** The seed of a random test: `SEED` of the environment, or the given default. */
export function seedOf(fallback: number): number {
  return Number(process.env.SEED ?? fallback);
}

/** Empties both servers, runs the script on both, throws at the first difference. Gives the number of replies compared. */
export async function compareServers(options: DifferentialOptions): Promise<number> {
  const ours = new Participants(options.ports.ours);
  const reference = new Participants(options.ports.reference);
  try {
    await Promise.all([ours.empty(), reference.empty()]);
    let done = 0;
    while (done < options.steps.length) {
      const end = batchEnd(options.steps, done);
      const batch = options.steps.slice(done, end);
      const [own, expected] = await Promise.all([ours.run(batch), reference.run(batch)]);
      for (let i = 0; i < batch.length; i++) {
        const left = own[i];
        const right = expected[i];
        if (left !== undefined && right !== undefined && isSame(options, batch[i] as Step, left, right)) continue;
        throw new Error(describe(options, done + i, left, right));
      }
      done = end;
    }
    return done;
  } finally {
    ours.close();
    reference.close();
  }
}

function batchEnd(steps: readonly Step[], start: number): number {
  const client = steps[start]?.client ?? 0;
  let end = start;
  while (end < steps.length && end - start < BATCH_STEPS && (steps[end]?.client ?? 0) === client) end++;
  return end;
}

/** The connections of a script to one server, opened at their first step. */
class Participants {
  readonly #port: number;
  readonly #clients = new Map<number, RawClient>();

  constructor(port: number) {
    this.#port = port;
  }

  async empty(): Promise<void> {
    const client = await RawClient.connect(this.#port);
    await client.command("FLUSHALL");
    client.close();
  }

  async run(batch: readonly Step[]): Promise<(Buffer | undefined)[]> {
    const index = batch[0]?.client ?? 0;
    const client = this.#clients.get(index) ?? (await RawClient.connect(this.#port));
    this.#clients.set(index, client);
    client.write(Buffer.concat(batch.map((step) => encodeCommand(step.args))));
    const replies: (Buffer | undefined)[] = [];
    for (let i = 0; i < batch.length; i++) {
      const reply = await client.replies(1).catch(() => undefined);
      if (reply === undefined) break;
      replies.push(reply[0]);
    }
    return replies;
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
  }
}

function isSame(options: DifferentialOptions, step: Step, left: Buffer, right: Buffer): boolean {
  if (left.equals(right)) return true;
  const words = step.args.map((arg) => textOf(arg).toLowerCase());
  for (const { command, normalise } of options.normalisers ?? []) {
    const wanted = command.split(" ");
    if (!wanted.every((word, i) => words[i] === word)) continue;
    if (normalise(left, step.args).equals(normalise(right, step.args))) return true;
  }
  return false;
}

function describe(options: DifferentialOptions, at: number, left?: Buffer, right?: Buffer): string {
  const { steps, seed } = options;
  const before = steps.slice(Math.max(0, at - SHOWN_COMMANDS), at + 1);
  const commands = before.map(({ client, args }) => `  ${client ?? 0}> ${args.map(quote).join(" ")}`);
  const lines = [`Replies differ at step ${at}${seed === undefined ? "" : ` of seed ${seed}`}:`, ...commands];
  return [...lines, `  ours:      ${show(left)}`, `  reference: ${show(right)}`].join("\n");
}

function textOf(arg: CommandArgument): string {
  return arg instanceof Uint8Array ? Buffer.from(arg).toString("latin1") : String(arg);
}

function quote(arg: CommandArgument): string {
  const text = textOf(arg);
  return JSON.stringify(text.length > SHOWN_BYTES ? `${text.slice(0, SHOWN_BYTES)}… (${text.length} bytes)` : text);
}

function show(reply: Buffer | undefined): string {
  return reply === undefined ? "none" : quote(reply);
}
