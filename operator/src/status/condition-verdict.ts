/** What one condition says; `reason` is one word for machines, `message` a sentence for people. */
export interface ConditionVerdict {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
}
