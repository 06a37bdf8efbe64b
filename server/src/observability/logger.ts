/**
 * Log lines in Redis' form, `pid:role day month year time level message`, so that tools that read redis-server's log
 * read ours. Role: M primary, S replica, C a process that is no server yet. Where lines go is the sink's affair.
 */

import type { Clock } from "../platform/clock.ts";

export type LogLevel = "debug" | "verbose" | "notice" | "warning";

export interface Logger {
  debug(message: string): void;
  verbose(message: string): void;
  notice(message: string): void;
  warning(message: string): void;
}

export type LogRole = "M" | "S" | "C";

export interface LoggerOptions {
  readonly clock: Clock;
  readonly processId: number;
  readonly role: () => LogRole;
  readonly level: () => LogLevel;
  readonly write: (line: string) => void;
}

const LEVELS: readonly LogLevel[] = ["debug", "verbose", "notice", "warning"];
const LEVEL_SIGNS: Readonly<Record<LogLevel, string>> = { debug: ".", verbose: "-", notice: "*", warning: "#" };
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
/** Redis cuts messages here; whatever a peer sends cannot fill the disk with one line. */
const MESSAGE_LENGTH_MAX = 1024;

export function createLogger(options: LoggerOptions): Logger {
  const log = (level: LogLevel, message: string): void => {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(options.level())) return;
    const text = message.length > MESSAGE_LENGTH_MAX ? message.slice(0, MESSAGE_LENGTH_MAX) : message;
    const moment = formatMoment(new Date(options.clock.nowMs()));
    options.write(`${options.processId}:${options.role()} ${moment} ${LEVEL_SIGNS[level]} ${text}\n`);
  };
  return {
    debug: (message) => log("debug", message),
    verbose: (message) => log("verbose", message),
    notice: (message) => log("notice", message),
    warning: (message) => log("warning", message),
  };
}

/** For tests and for parts that run without a log. */
export const silentLogger: Logger = {
  debug: () => undefined,
  verbose: () => undefined,
  notice: () => undefined,
  warning: () => undefined,
};

function formatMoment(moment: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${two(moment.getDate())} ${MONTHS[moment.getMonth()]} ${moment.getFullYear()}`;
  const time = `${two(moment.getHours())}:${two(moment.getMinutes())}:${two(moment.getSeconds())}`;
  return `${day} ${time}.${String(moment.getMilliseconds()).padStart(3, "0")}`;
}
