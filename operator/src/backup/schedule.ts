// Cron schedules of five fields in a time zone, as pure arithmetic on instants (milliseconds since 1970).
//
// As in cron, a day matches by either of day-of-month and day-of-week when both are restricted, else by both. Where clocks
// are put forward, a time that does not exist that day counts at the same distance after the gap, so a nightly backup is
// not lost; where they are put back, a time that exists twice counts once, the first time, unless the hour is "*".
import { CRON_MONTHS, CRON_PATTERN, CRON_WEEKDAYS } from "../api/kv-scheduled-backup.ts";

export interface Schedule {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly days: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  readonly weekdays: ReadonlySet<number>;
  readonly everyHour: boolean;
  readonly anyDay: boolean;
  readonly anyWeekday: boolean;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** 29 February can be eight years away; a day that never comes ends the search. */
const MAX_DAYS = 366 * 9;

interface FieldRange {
  readonly first: number;
  readonly last: number;
  readonly names?: readonly string[];
  /** Number of the first name. */
  readonly base?: number;
}

const RANGES = {
  minute: { first: 0, last: 59 },
  hour: { first: 0, last: 23 },
  day: { first: 1, last: 31 },
  month: { first: 1, last: 12, names: CRON_MONTHS, base: 1 },
  /** 7 is Sunday too. */
  weekday: { first: 0, last: 7, names: CRON_WEEKDAYS, base: 0 },
} as const satisfies Record<string, FieldRange>;

/** Undefined when the text is no schedule, for example because a range runs backwards. */
export function parseSchedule(text: string): Schedule | undefined {
  if (!new RegExp(CRON_PATTERN).test(text)) {
    return undefined;
  }
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = text.split(" ");
  const minutes = parseField(minute, RANGES.minute);
  const hours = parseField(hour, RANGES.hour);
  const days = parseField(day, RANGES.day);
  const months = parseField(month, RANGES.month);
  const weekdays = parseField(weekday, RANGES.weekday);
  if (!minutes || !hours || !days || !months || !weekdays) {
    return undefined;
  }
  return {
    minutes,
    hours,
    days: new Set(days),
    months: new Set(months),
    weekdays: new Set(weekdays.map((number) => number % 7)),
    everyHour: hour.startsWith("*"),
    anyDay: day.startsWith("*"),
    anyWeekday: weekday.startsWith("*"),
  };
}

function parseField(text: string, range: FieldRange): number[] | undefined {
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const [span = "", stepText] = part.split("/");
    const [from, to] = span.split("-");
    const first = span === "*" ? range.first : numberOf(from ?? "", range);
    const single = to === undefined && stepText === undefined;
    const last = to === undefined ? (single && span !== "*" ? first : range.last) : numberOf(to, range);
    if (first > last) {
      return undefined;
    }
    for (let value = first; value <= last; value += Number(stepText ?? 1)) {
      values.add(value);
    }
  }
  return [...values].sort((a, b) => a - b);
}

function numberOf(text: string, { names = [], base = 0 }: FieldRange): number {
  const index = names.indexOf(text);
  return index < 0 ? Number(text) : index + base;
}

/** Whether the runtime knows the time zone. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** The first slot after an instant, or undefined when there is none. */
export function nextSlot(schedule: Schedule, timeZone: string, afterMs: number): number | undefined {
  const offsetAt = offsetsOf(timeZone);
  const localDayMs = Math.floor((afterMs + offsetAt(afterMs)) / DAY_MS) * DAY_MS;
  // One day back: a slot in a gap at midnight may fall on the day after its own.
  for (let day = -1; day < MAX_DAYS; day++) {
    const dayMs = localDayMs + day * DAY_MS;
    if (matchesDay(schedule, dayMs)) {
      const slot = firstSlotOfDay(schedule, dayMs, afterMs, offsetAt);
      if (slot !== undefined) {
        return slot;
      }
    }
  }
  return undefined;
}

/** The last slot in (after, until], or undefined. */
export function lastSlot(
  schedule: Schedule,
  timeZone: string,
  { afterMs, untilMs }: { afterMs: number; untilMs: number },
): number | undefined {
  let found: number | undefined;
  let slot = nextSlot(schedule, timeZone, afterMs);
  while (slot !== undefined && slot <= untilMs) {
    found = slot;
    slot = nextSlot(schedule, timeZone, slot);
  }
  return found;
}

/** `dayMs` is local midnight as if it were UTC. */
function matchesDay({ days, months, weekdays, anyDay, anyWeekday }: Schedule, dayMs: number): boolean {
  const date = new Date(dayMs);
  if (!months.has(date.getUTCMonth() + 1)) {
    return false;
  }
  const day = days.has(date.getUTCDate());
  const weekday = weekdays.has(date.getUTCDay());
  return anyDay || anyWeekday ? day && weekday : day || weekday;
}

type OffsetAt = (instantMs: number) => number;

function firstSlotOfDay(schedule: Schedule, dayMs: number, afterMs: number, offsetAt: OffsetAt): number | undefined {
  const before = offsetAt(dayMs - DAY_MS);
  const changes = before !== offsetAt(dayMs + 2 * DAY_MS);
  let first: number | undefined;
  for (const hour of schedule.hours) {
    for (const minute of schedule.minutes) {
      const localMs = dayMs + hour * HOUR_MS + minute * MINUTE_MS;
      const instants = changes ? instantsOf(localMs, offsetAt, schedule.everyHour) : [localMs - before];
      for (const instant of instants) {
        if (instant > afterMs && (first === undefined || instant < first)) {
          first = instant;
        }
      }
      if (first !== undefined && !changes) {
        return first;
      }
    }
  }
  return first;
}

/** The instants at which clocks show a local time: usually one, two when clocks went back, shifted when they went forward. */
function instantsOf(localMs: number, offsetAt: OffsetAt, twice: boolean): number[] {
  const earlier = offsetAt(localMs - DAY_MS);
  const later = offsetAt(localMs + DAY_MS);
  const candidates = [...new Set([localMs - earlier, localMs - later])].sort((a, b) => a - b);
  const real = candidates.filter((instant) => instant + offsetAt(instant) === localMs);
  if (real.length === 0) {
    return [localMs - earlier];
  }
  return twice ? real : real.slice(0, 1);
}

/** The offset of local time from UTC at an instant. */
function offsetsOf(timeZone: string): OffsetAt {
  if (timeZone === "UTC") {
    return () => 0;
  }
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  return (instantMs) => {
    const part: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(instantMs)) {
      part[type] = Number(value);
    }
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    const localMs = Date.UTC(year, month - 1, day, hour, minute, second);
    return localMs - Math.floor(instantMs / 1000) * 1000;
  };
}
