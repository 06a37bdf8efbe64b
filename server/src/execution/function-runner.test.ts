import { ReplyWriter } from "@kvcluster/protocol/reply-writer";
import { expect, test, vi } from "vitest";
import { ALL_COMMANDS } from "../commands/all-commands.ts";
import type { Call } from "../commands/call.ts";
import { CommandTable } from "../commands/command-table.ts";
import { silentLogger } from "../observability/logger.ts";
import { FakeClock } from "../platform/fake-clock.ts";
import { createSeededRandom } from "../platform/random.ts";
import { FunctionRunner } from "./function-runner.ts";
import { type Program, ScriptRuns, type ScriptRunsParts } from "./script-runs.ts";

const nothing = (): void => undefined;
const logger = silentLogger;
const connection = {
  ...{ send: nothing, closeAfterFlush: nothing, destroy: nothing, pause: nothing, resume: nothing },
  ...{ isClosed: false, queryBytes: 0, outputBytes: 0, fileDescriptor: -1, takeOver: () => undefined },
};

test("an engine that broke is made anew, with all libraries", () => {
  const clock = new FakeClock();
  const runs = new ScriptRuns({
    logger,
    clock,
    longestMs: () => 0,
    isClusterEnabled: false,
  } as unknown as ScriptRunsParts);
  const started: Program[] = [];
  vi.spyOn(runs, "run").mockImplementation((program) => void started.push(program));
  const reply = new ReplyWriter();
  const functions = new FunctionRunner(
    {
      table: new CommandTable(ALL_COMMANDS),
      logger,
      random: createSeededRandom(1),
      connection,
      reply: () => reply,
      failed: () => undefined,
    },
    runs,
  );
  for (const name of ["one", "two"]) {
    const source = Buffer.from(
      `#!lua name=${name}\nredis.register_function('${name}', function() return '${name}' end)`,
    );
    functions.load(source, { isReplacing: false, mustLoad: false });
  }
  const request = (name: string): Call => {
    const text = `FCALL${name}0`;
    const offset = Int32Array.of(0, 5, 5 + name.length);
    const length = Int32Array.of(5, name.length, 1);
    return { buffer: Buffer.from(text), argc: 3, offset, length, text: () => name } as unknown as Call;
  };
  functions.call(request("one"), false);
  started[0]?.engineBroke();
  for (const name of ["one", "two"]) functions.call(request(name), false);
  expect(started.map(({ name }) => name)).toEqual(["one", "one", "two"]);
  // Not by a matcher for objects: it would print the memory of the machines.
  expect(started[1]?.engine === started[0]?.engine).toBe(false);
  expect(started[2]?.engine === started[1]?.engine).toBe(true);
  expect(functions.facts()).toMatchObject({ libraries: 2, functions: 2 });
});
