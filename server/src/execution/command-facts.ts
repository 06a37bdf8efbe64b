/** What is known of the commands that have run: how often, for how long, and which took too long. */

import type { CommandTable } from "../commands/command-table.ts";
import type { Config } from "../config/config.ts";
import type { CommandFacts, LatencyFacts, LatencySpikeFacts, SlowLogFacts } from "../observability/facts.ts";
import type { LatencyMonitor } from "../observability/latency-monitor.ts";
import type { SlowLog } from "../observability/slow-log.ts";

export function commandFacts(table: CommandTable): CommandFacts[] {
  const facts: CommandFacts[] = [];
  for (let id = 1; id < table.size; id++) {
    const calls = table.calls[id] as number;
    const rejectedCalls = table.rejectedCalls[id] as number;
    if (calls === 0 && rejectedCalls === 0) continue;
    facts.push({
      name: table.fullNames[id] as string,
      calls,
      microseconds: table.microseconds[id] as number,
      rejectedCalls,
      failedCalls: table.failedCalls[id] as number,
    });
  }
  return facts;
}

export function latencyFacts(table: CommandTable, config: Config): LatencyFacts[] {
  const { latencies } = table;
  if (!latencies.isOn) return [];
  const percents = config.get("latency-tracking-info-percentiles");
  const called = Array.from({ length: table.size }, (_, id) => id).filter((id) => latencies.calls(id) > 0);
  return called.map((id) => ({
    name: table.fullNames[id] as string,
    percentiles: percents.map((percent) => [percent, latencies.percentile(id, percent)] as const),
    levels: latencies.levels(id),
    calls: latencies.calls(id),
  }));
}

export function latencySpikeFacts(monitor: LatencyMonitor): LatencySpikeFacts[] {
  return monitor.all().flatMap(({ event, samples }) => {
    const last = samples.at(-1);
    return last === undefined ? [] : [{ event, atSeconds: last.timestampSeconds, milliseconds: last.milliseconds }];
  });
}

export function slowLogFacts(slowLog: SlowLog): SlowLogFacts {
  const [last] = slowLog.newest(1);
  return { length: slowLog.length, last: last && { id: last.id, microseconds: last.durationUs } };
}
