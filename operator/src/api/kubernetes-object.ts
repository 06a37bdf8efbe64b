// What every Kubernetes object has in common, as plain data, and the condition type that all our kinds report.
// Deliberately small: objects are passed around as JSON, only what is read here is typed.
import { choice, type Infer, integer, listOf, object, required, text, timestamp } from "./schema.ts";

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
}

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

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
