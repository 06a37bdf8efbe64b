import { describe, expect, it } from "vitest";
import { CRON_PATTERN } from "../api/kv-scheduled-backup.ts";
import { isTimeZone, lastSlot, nextSlot, parseSchedule, type Schedule } from "./schedule.ts";

function schedule(text: string): Schedule {
  const parsed = parseSchedule(text);
  if (parsed === undefined) {
    throw new Error(`"${text}" is no schedule`);
  }
  return parsed;
}

function slots(text: string, timeZone: string, from: string, count: number): string[] {
  const found: string[] = [];
  let afterMs = Date.parse(from);
  for (let index = 0; index < count; index++) {
    afterMs = nextSlot(schedule(text), timeZone, afterMs) ?? Number.NaN;
    found.push(new Date(afterMs).toISOString().slice(0, 16));
  }
  return found;
}

describe("nextSlot", () => {
  it.each([
    ["* * * * *", "2026-01-01T00:00:00Z", ["2026-01-01T00:01", "2026-01-01T00:02"]],
    ["*/20 * * * *", "2026-01-01T00:20:30Z", ["2026-01-01T00:40", "2026-01-01T01:00"]],
    ["30 3 * * *", "2026-01-01T03:30:00Z", ["2026-01-02T03:30", "2026-01-03T03:30"]],
    ["0 0 1 * *", "2026-01-31T12:00:00Z", ["2026-02-01T00:00", "2026-03-01T00:00"]],
    ["0 12 * * MON-FRI", "2026-01-02T12:00:00Z", ["2026-01-05T12:00", "2026-01-06T12:00"]],
    ["0 0 * * 7", "2026-01-01T00:00:00Z", ["2026-01-04T00:00", "2026-01-11T00:00"]],
    ["0 0 29 2 *", "2026-01-01T00:00:00Z", ["2028-02-29T00:00", "2032-02-29T00:00"]],
    ["0 0 29 FEB *", "2096-03-01T00:00:00Z", ["2104-02-29T00:00"]],
    ["15,45 6-8/2 * * *", "2026-01-01T06:15:00Z", ["2026-01-01T06:45", "2026-01-01T08:15"]],
    ["5/25 0 * * *", "2026-01-01T00:05:00Z", ["2026-01-01T00:30", "2026-01-01T00:55"]],
  ])("of %s after %s", (text, from, expected) => {
    expect(slots(text, "UTC", from, expected.length)).toEqual(expected);
  });

  it("takes either day field when both are restricted, as cron does", () => {
    expect(slots("0 0 13 * FRI", "UTC", "2026-02-01T00:00:00Z", 3)).toEqual([
      "2026-02-06T00:00",
      "2026-02-13T00:00",
      "2026-02-20T00:00",
    ]);
  });

  it("is none for a day that never comes", () => {
    expect(nextSlot(schedule("0 0 31 2 *"), "UTC", 0)).toBeUndefined();
  });

  it("follows the wall clock of its time zone over the year", () => {
    expect(slots("30 3 * * *", "Europe/Berlin", "2026-03-27T12:00:00Z", 3)).toEqual([
      "2026-03-28T02:30",
      "2026-03-29T01:30",
      "2026-03-30T01:30",
    ]);
    expect(slots("0 9 * * *", "Asia/Kolkata", "2026-01-01T00:00:00Z", 1)).toEqual(["2026-01-01T03:30"]);
    expect(slots("0 9 * * *", "Pacific/Kiritimati", "2026-01-01T00:00:00Z", 1)).toEqual(["2026-01-01T19:00"]);
  });

  it("does not lose a time that clocks leap over", () => {
    expect(slots("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2)).toEqual([
      "2026-03-29T01:30",
      "2026-03-30T00:30",
    ]);
    expect(slots("30 0 * * *", "America/Havana", "2026-03-07T12:00:00Z", 2)).toEqual([
      "2026-03-08T05:30",
      "2026-03-09T04:30",
    ]);
  });

  it("counts a time that clocks pass twice once", () => {
    expect(slots("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2)).toEqual([
      "2026-10-25T00:30",
      "2026-10-26T01:30",
    ]);
  });

  it("goes on through both passes of an hour when the hour is any", () => {
    expect(slots("0,30 * * * *", "Europe/Berlin", "2026-10-24T23:45:00Z", 5)).toEqual([
      "2026-10-25T00:00",
      "2026-10-25T00:30",
      "2026-10-25T01:00",
      "2026-10-25T01:30",
      "2026-10-25T02:00",
    ]);
  });

  it.each(["Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "Asia/Beirut"])(
    "is always later than the instant it is asked for, through both changes of a year in %s",
    (timeZone) => {
      const parsed = schedule("17 */5 * * *");
      for (const month of [2, 8]) {
        let at = Date.UTC(2026, month, 20);
        for (let count = 0; count < 5 * 50; count++) {
          const next = nextSlot(parsed, timeZone, at) ?? 0;
          expect(next, `after ${new Date(at).toISOString()}`).toBeGreaterThan(at);
          expect(next - at).toBeLessThanOrEqual(6.5 * 3_600_000);
          at = next;
        }
      }
    },
  );
});

describe("lastSlot", () => {
  it("is the latest of those that were missed, and none when there was none", () => {
    const every = schedule("*/10 * * * *");
    const at = (text: string) => Date.parse(`2026-01-01T${text}:00Z`);
    expect(lastSlot(every, "UTC", { afterMs: at("00:00"), untilMs: at("00:35") })).toBe(at("00:30"));
    expect(lastSlot(every, "UTC", { afterMs: at("00:30"), untilMs: at("00:40") })).toBe(at("00:40"));
    expect(lastSlot(every, "UTC", { afterMs: at("00:31"), untilMs: at("00:39") })).toBeUndefined();
  });
});

describe("parseSchedule", () => {
  it.each(["", "* * * *", "60 * * * *", "30-10 * * * *", "* * * DEC-JAN *", "@daily"])("refuses %j", (text) => {
    expect(parseSchedule(text)).toBeUndefined();
  });

  it("takes whatever the CRD lets through, except ranges that run backwards", () => {
    const seed = Date.now() % 1_000_000;
    let state = seed;
    const random = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const alphabet = ["*", "0", "5", "12", "31", "59", "-", "/", ",", "MON", "JAN", "2"];
    for (let round = 0; round < 5_000; round++) {
      const field = () => Array.from({ length: 1 + random(4) }, () => alphabet[random(alphabet.length)]).join("");
      const text = `${field()} ${field()} ${field()} ${field()} ${field()}`;
      if (new RegExp(CRON_PATTERN).test(text) && !text.includes("-")) {
        expect(parseSchedule(text), `seed ${seed}: ${text}`).toBeDefined();
      }
    }
  });
});

describe("isTimeZone", () => {
  it("knows IANA names only", () => {
    expect(isTimeZone("Europe/Berlin")).toBe(true);
    expect(isTimeZone("Europe/Nowhere")).toBe(false);
  });
});
