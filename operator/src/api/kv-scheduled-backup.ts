// KVScheduledBackup: makes KVBackups of a cluster on a cron schedule and removes old ones with their files.
// CRON_PATTERN says what a schedule may look like; backup/schedule.ts computes with it, and a test holds the two together.

import type { ObjectMeta } from "../kubernetes-object.ts";
import { conditionsSchema } from "./condition.ts";
import { backupTemplateFields, clusterRefSchema } from "./kv-backup.ts";
import { defaulted, type Infer, integer, object, required, text, timestamp, truth } from "./schema.ts";

export const CRON_MONTHS = [
  "JAN",
  "FEB",
  "MAR",
  "APR",
  "MAY",
  "JUN",
  "JUL",
  "AUG",
  "SEP",
  "OCT",
  "NOV",
  "DEC",
] as const;
export const CRON_WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] as const;

const cronField = (value: string) => {
  const part = `([*]|(${value})(-(${value}))?)(/[1-9][0-9]?)?`;
  return `${part}(,${part})*`;
};

/** Minute, hour, day of month, month, day of week, separated by single spaces; names of months and days in capitals. */
export const CRON_PATTERN = `^${[
  "[0-5]?[0-9]",
  "[01]?[0-9]|2[0-3]",
  "0?[1-9]|[12][0-9]|3[01]",
  `0?[1-9]|1[0-2]|${CRON_MONTHS.join("|")}`,
  `[0-7]|${CRON_WEEKDAYS.join("|")}`,
]
  .map(cronField)
  .join(" ")}$`;

export const kvScheduledBackupSpecSchema = object(
  {
    clusterRef: required(clusterRefSchema),
    schedule: required(
      text({
        minLength: 9,
        maxLength: 100,
        description: 'Five cron fields: minute, hour, day of month, month, day of week, for example "30 3 * * *".',
        rules: [
          {
            rule: `self.matches('${CRON_PATTERN}')`,
            message:
              'spec.schedule must be five cron fields (minute hour day-of-month month day-of-week), for example "30 3 * * *"',
          },
        ],
      }),
    ),
    timeZone: defaulted(
      text({
        maxLength: 64,
        description: "IANA name of the time zone of the schedule.",
        rules: [
          {
            rule: "self.matches('^[A-Za-z][A-Za-z0-9_+/-]*$')",
            message: 'spec.timeZone must be the IANA name of a time zone, for example "Europe/Berlin"',
          },
        ],
      }),
      "UTC",
    ),
    suspend: defaulted(truth({ description: "While true no new backups are started." }), false),
    immediate: defaulted(truth({ description: "Take the first backup at once." }), false),
    startingDeadlineSeconds: defaulted(
      integer({
        minimum: 1,
        maximum: 86_400,
        description: "A backup that could not start within this time after its slot is skipped.",
      }),
      300,
    ),
    retention: defaulted(
      object({
        keepLast: integer({
          minimum: 1,
          maximum: 1000,
          description: "Completed backups to keep; older ones go, with their files. All are kept when absent.",
        }),
      }),
      {},
    ),
    template: required(object(backupTemplateFields, { description: "What each backup is made with." })),
  },
  {
    rules: [
      {
        rule: "self.clusterRef.name == oldSelf.clusterRef.name",
        message: "spec.clusterRef.name cannot be changed after creation",
      },
    ],
  },
);

export type KVScheduledBackupSpec = Infer<typeof kvScheduledBackupSpecSchema>;

export const kvScheduledBackupStatusSchema = object({
  observedGeneration: integer({ format: "int64" }),
  message: text({ maxLength: 4096 }),
  conditions: conditionsSchema,
  lastCheckTime: timestamp({ description: "Slots before this time are settled: taken or skipped." }),
  lastScheduleTime: timestamp(),
  nextScheduleTime: timestamp(),
  lastBackupName: text({ maxLength: 253 }),
  lastSuccessfulTime: timestamp(),
});

export type KVScheduledBackupStatus = Infer<typeof kvScheduledBackupStatusSchema>;

export interface KVScheduledBackup {
  readonly apiVersion: "kvcluster.dev/v1alpha1";
  readonly kind: "KVScheduledBackup";
  readonly metadata: ObjectMeta;
  readonly spec: KVScheduledBackupSpec;
  readonly status?: KVScheduledBackupStatus;
}
