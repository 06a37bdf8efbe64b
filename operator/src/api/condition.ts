// The condition type that all our kinds report, as in Kubernetes' own objects.
import { choice, type Infer, integer, listOf, object, required, text, timestamp } from "./schema.ts";

export const conditionSchema = object({
  type: required(text({ maxLength: 64 })),
  status: required(choice(["True", "False", "Unknown"])),
  observedGeneration: integer({ format: "int64", minimum: 0 }),
  lastTransitionTime: required(timestamp()),
  reason: required(text({ minLength: 1, maxLength: 128 })),
  message: required(text({ maxLength: 4096 })),
});

export type Condition = Infer<typeof conditionSchema>;

export const conditionsSchema = listOf(conditionSchema, {
  maxItems: 16,
  keys: ["type"],
  description: "What is true of this object now; each with the generation it was observed at.",
});

/** Of a status that may not be there yet. */
export function conditionOf<Any extends { readonly type: string }>(
  status: { readonly conditions?: readonly Any[] | undefined } | undefined,
  type: string,
): Any | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/** Without time: whoever writes the status knows when it changed. */
export type UntimedCondition = Omit<Condition, "lastTransitionTime">;
