/** Watches commands run for the slow log, the latency monitor and MONITOR, and logs faults of ours. */

import type { Call } from "../commands/call.ts";
import { type Client, ClientFlag } from "../commands/client.ts";
import { CommandBit } from "../commands/command-table.ts";
import type { ServerContext } from "../commands/context.ts";
import { REDACTED, secretArguments } from "../commands/secret-arguments.ts";
import type { Config } from "../config/config.ts";
import type { ErrorStatistics } from "../observability/counters.ts";
import type { SlowLog } from "../observability/slow-log.ts";
import type { CommandObserver } from "./dispatcher-ports.ts";
import type { Monitors } from "./monitors.ts";

/** Attacks come in great numbers; one line a minute says enough. */
const ATTACK_LOG_INTERVAL_US = 60e6;

export type ObservedServices = Pick<ServerContext, "config" | "clock" | "logger" | "slowLog" | "latencyMonitor">;

export interface ObserverParts {
  readonly monitors: Monitors;
  readonly errors: ErrorStatistics;
}

export function createCommandObserver(
  { config, clock, logger, slowLog, latencyMonitor }: ObservedServices,
  { monitors, errors }: ObserverParts,
): CommandObserver {
  let attackLoggedUs = Number.NEGATIVE_INFINITY;
  const observer = {
    slowerThanUs: slowestWanted(config),
    monitors,
    failed: (text: string) => errors.record(text),
    slow: (call: Call, microseconds: number) => {
      const slowLogUs = config.get("slowlog-log-slower-than");
      if (slowLogUs >= 0 && microseconds >= slowLogUs) addToSlowLog(slowLog, call, microseconds);
      const isFast = ((call.server.table.flags[call.command] as number) & CommandBit.fast) !== 0;
      latencyMonitor.add(isFast ? "fast-command" : "command", microseconds);
    },
    ran: (call: Call) => monitors.show(call),
    attacked: (client: Client) => {
      const nowUs = clock.monotonicUs();
      if (nowUs - attackLoggedUs < ATTACK_LOG_INTERVAL_US) return;
      attackLoggedUs = nowUs;
      logger.warning(
        `Possible SECURITY ATTACK detected. Somebody sends HTTP ("POST" or "Host:") to this port, which lets a web page run commands here. Connection from "${client.address}" aborted`,
      );
    },
    fault: (call: Call, error: unknown) => {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      logger.warning(`Command "${call.text(0)}" failed by a fault of the server: ${reason}`);
    },
  };
  config.onChange(["slowlog-log-slower-than", "latency-monitor-threshold"], () => {
    observer.slowerThanUs = slowestWanted(config);
    return undefined;
  });
  return observer;
}

/** The time from which on somebody wants to know of a command, microseconds; negative: nobody does. */
function slowestWanted(config: Config): number {
  const slowLogUs = config.get("slowlog-log-slower-than");
  const monitorUs = config.get("latency-monitor-threshold") * 1000;
  if (slowLogUs < 0 || monitorUs === 0) return monitorUs === 0 ? slowLogUs : monitorUs;
  return Math.min(slowLogUs, monitorUs);
}

function addToSlowLog(slowLog: SlowLog, call: Call, microseconds: number): void {
  const { table } = call.server;
  if (((table.flags[call.command] as number) & CommandBit.skipSlowlog) !== 0) return;
  const isSecret = secretArguments(call, table.fullNames[call.command] as string);
  slowLog.add({
    argumentCount: call.argc,
    argument: (index, limit) => {
      if (isSecret(index)) return { bytes: Buffer.from(REDACTED), length: REDACTED.length };
      const start = call.offset[index] as number;
      const length = call.length[index] as number;
      return { bytes: Buffer.from(call.buffer.subarray(start, start + Math.min(limit, length))), length };
    },
    timestampSeconds: Math.floor(call.nowMs / 1000),
    durationUs: Math.round(microseconds),
    clientAddress: call.client.has(ClientFlag.script) ? "?:0" : call.client.address,
    clientName: call.client.name,
  });
}
