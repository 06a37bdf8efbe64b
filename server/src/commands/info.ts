/** What the server tells about itself to people and monitoring: INFO, TIME, LOLWUT, MONITOR. */

import { renderInfo } from "../observability/info.ts";
import type { Call } from "./call.ts";
import { ClientFlag, DENIES_BLOCKING } from "./client.ts";
import { defineCommands } from "./command.ts";
import { CommandError } from "./errors.ts";
import { lolwut } from "./lolwut.ts";

export const infoCommands = defineCommands([
  {
    name: "info",
    arity: -1,
    flags: ["loading", "stale"],
    categories: ["dangerous"],
    tips: ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    group: "server",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Describes the state of the server, in sections.",
    syntax: "[section [section ...]]",
    run: info,
  },
  {
    name: "time",
    arity: 1,
    flags: ["loading", "stale", "fast"],
    tips: ["nondeterministic_output"],
    group: "server",
    since: "2.6.0",
    complexity: "O(1)",
    summary: "Gives the server's time as seconds and microseconds.",
    syntax: "",
    run: time,
  },
  {
    name: "lolwut",
    arity: -1,
    flags: ["readonly", "fast"],
    group: "server",
    since: "5.0.0",
    complexity: "O(1)",
    summary: "Draws something of no use, and gives the version.",
    syntax: "[VERSION version]",
    run: lolwut,
  },
  {
    name: "monitor",
    arity: 1,
    flags: ["admin", "noscript", "loading", "stale"],
    group: "server",
    since: "1.0.0",
    complexity: "O(N) in the commands that run from now on",
    summary: "Turns the connection into a stream of all commands the server runs.",
    syntax: "",
    run: monitor,
  },
]);

function info(call: Call): void {
  const words: string[] = [];
  for (let index = 1; index < call.argc; index++) words.push(call.text(index));
  call.reply.verbatim(renderInfo(call.server.facts, words));
}

function time(call: Call): void {
  const nowUs = call.server.clock.nowUs();
  call.reply.array(2);
  call.reply.bulkString(String(Math.floor(nowUs / 1e6)));
  call.reply.bulkString(String(nowUs % 1e6));
}

function monitor(call: Call): void {
  const { client } = call;
  // One that watches already gets no reply, as in Redis.
  if (client.has(ClientFlag.monitor)) return;
  if (client.has(DENIES_BLOCKING)) throw new CommandError("ERR MONITOR isn't allowed for DENY BLOCKING client");
  call.server.monitors.add(client);
  call.reply.ok();
}
