/** LATENCY: spikes that the latency monitor kept, and the distribution of the times of commands. */

import { latencyGraph, latencyJudgement } from "../observability/latency-report.ts";
import type { Call } from "./call.ts";
import { defineCommands } from "./command.ts";
import { containerOnly, withHelp } from "./container-help.ts";
import { CommandError, cString } from "./errors.ts";

const LATENCY_FLAGS = ["admin", "noscript", "loading", "stale"] as const;
const LATENCY_TIPS = ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"] as const;

export const latencyCommands = defineCommands([
  {
    name: "latency",
    arity: -2,
    flags: [],
    group: "server",
    since: "2.8.13",
    complexity: "Depends on the subcommand",
    summary: "Looks at latency spikes.",
    syntax: "",
    run: containerOnly,
    subcommands: withHelp("latency", "server", "2.8.13", [
      {
        name: "latest",
        arity: 2,
        flags: LATENCY_FLAGS,
        tips: LATENCY_TIPS,
        group: "server",
        since: "2.8.13",
        complexity: "O(1)",
        summary: "Gives the latest sample of each event.",
        syntax: "",
        run: latencyLatest,
      },
      {
        name: "history",
        arity: 3,
        flags: LATENCY_FLAGS,
        tips: LATENCY_TIPS,
        group: "server",
        since: "2.8.13",
        complexity: "O(1)",
        summary: "Gives the samples of an event.",
        syntax: "event",
        run: latencyHistory,
      },
      {
        name: "graph",
        arity: 3,
        flags: LATENCY_FLAGS,
        tips: LATENCY_TIPS,
        group: "server",
        since: "2.8.13",
        complexity: "O(1)",
        summary: "Draws the samples of an event.",
        syntax: "event",
        run: latencyGraphOf,
      },
      {
        name: "reset",
        arity: -2,
        flags: LATENCY_FLAGS,
        tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
        group: "server",
        since: "2.8.13",
        complexity: "O(1)",
        summary: "Forgets the samples of events, or of all.",
        syntax: "[event [event ...]]",
        run: latencyReset,
      },
      {
        name: "histogram",
        arity: -2,
        flags: LATENCY_FLAGS,
        tips: LATENCY_TIPS,
        group: "server",
        since: "7.0.0",
        complexity: "O(N) in the number of commands",
        summary: "Gives the distribution of the times of commands.",
        syntax: "[command [command ...]]",
        run: latencyHistogram,
      },
      {
        name: "doctor",
        arity: 2,
        flags: LATENCY_FLAGS,
        tips: LATENCY_TIPS,
        group: "server",
        since: "2.8.13",
        complexity: "O(1)",
        summary: "Judges the samples for a human.",
        syntax: "",
        run: latencyDoctor,
      },
    ]),
  },
]);

function latencyLatest(call: Call): void {
  const all = call.server.latencyMonitor.all();
  call.reply.array(all.length);
  for (const { event, samples, worstMs } of all) {
    const last = samples.at(-1);
    call.reply.array(4);
    call.reply.bulkString(event);
    call.reply.integer(last?.timestampSeconds ?? 0);
    call.reply.integer(last?.milliseconds ?? 0);
    call.reply.integer(worstMs);
  }
}

function latencyHistory(call: Call): void {
  const samples = call.server.latencyMonitor.of(call.text(2))?.samples ?? [];
  call.reply.array(samples.length);
  for (const { timestampSeconds, milliseconds } of samples) {
    call.reply.array(2);
    call.reply.integer(timestampSeconds);
    call.reply.integer(milliseconds);
  }
}

function latencyGraphOf(call: Call): void {
  const series = call.server.latencyMonitor.of(call.text(2));
  if (series === undefined) throw new CommandError(`ERR No samples available for event '${cString(call.text(2))}'`);
  call.reply.verbatim(latencyGraph(series, Math.floor(call.nowMs / 1000)));
}

function latencyDoctor(call: Call): void {
  const { latencyMonitor, config } = call.server;
  const settings = { thresholdMs: latencyMonitor.thresholdMs, slowLogUs: config.get("slowlog-log-slower-than") };
  call.reply.verbatim(latencyJudgement(latencyMonitor.all(), settings));
}

function latencyReset(call: Call): void {
  const { latencyMonitor } = call.server;
  const named = Array.from({ length: call.argc - 2 }, (_, index) => call.text(index + 2));
  const events = call.argc === 2 ? latencyMonitor.all().map(({ event }) => event) : named;
  call.reply.integer(events.filter((event) => latencyMonitor.forget(event)).length);
}

/** Of a container, its subcommands. Commands that were not called, and names of none, are left out. */
function latencyHistogram(call: Call): void {
  const { table } = call.server;
  const { latencies } = table;
  const called = Array.from({ length: table.size }, (_, id) => id).filter((id) => id > 0 && latencies.calls(id) > 0);
  const nameOf = (id: number): string => table.fullNames[id] as string;
  const named = Array.from({ length: call.argc - 2 }, (_, index) => call.text(index + 2).toLowerCase());
  // A name that is given twice is answered twice.
  const ids =
    named.length === 0
      ? called
      : named.flatMap((name) => called.filter((id) => nameOf(id) === name || nameOf(id).startsWith(`${name}|`)));
  call.reply.map(ids.length);
  for (const id of ids) {
    call.reply.bulkString(nameOf(id));
    replyHistogram(call, id);
  }
}

function replyHistogram({ reply, server }: Call, id: number): void {
  const { latencies } = server.table;
  const levels = latencies.levels(id);
  reply.map(2);
  reply.bulkString("calls");
  reply.integer(latencies.calls(id));
  reply.bulkString("histogram_usec");
  reply.map(levels.length);
  for (const [microseconds, calls] of levels) {
    reply.integer(microseconds);
    reply.integer(calls);
  }
}
