// A small schema language for the custom resources. One definition gives three things that therefore cannot drift:
// the OpenAPI v3 schema of the CRD, the TypeScript type (`Infer`), and the defaults (`withDefaults`).
//
// A property is optional unless wrapped in `required` or `defaulted`; a defaulted one is always present in the type,
// because the API server fills it in on admission. What the DSL cannot say is said by CEL rules (`rule`), whose
// messages are sentences that name the field. Only structural schemas can be expressed here.

/** The subset of OpenAPI v3 that Kubernetes accepts as a structural schema, as far as we use it. */
export interface JsonSchema {
  readonly type?: "object" | "array" | "string" | "integer" | "number" | "boolean";
  readonly description?: string;
  readonly format?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly "x-kubernetes-int-or-string"?: true;
  readonly "x-kubernetes-preserve-unknown-fields"?: true;
  readonly "x-kubernetes-list-type"?: "map" | "set" | "atomic";
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-validations"?: readonly Rule[];
}

/** A CEL rule (`x-kubernetes-validations`). */
export interface Rule {
  readonly rule: string;
  readonly message: string;
}

export type Presence = "optional" | "required" | "defaulted";

/** A schema that remembers the type it describes. `type` exists for the compiler only. */
export interface Field<T, P extends Presence = Presence> {
  readonly json: JsonSchema;
  readonly presence: P;
  readonly type?: T;
}

export type Infer<F> = F extends Field<infer T> ? T : never;

type Properties = Readonly<Record<string, Field<unknown>>>;
type OptionalKeys<P extends Properties> = { [K in keyof P]: P[K]["presence"] extends "optional" ? K : never }[keyof P];
type ObjectOf<P extends Properties> = { readonly [K in Exclude<keyof P, OptionalKeys<P>>]: Infer<P[K]> } & {
  readonly [K in OptionalKeys<P>]?: Infer<P[K]>;
};

interface Described {
  readonly description?: string;
  readonly rules?: readonly Rule[];
}

function field<T>(json: JsonSchema, { description, rules }: Described = {}): Field<T, "optional"> {
  const described = description === undefined ? json : { ...json, description };
  const complete = rules === undefined ? described : { ...described, "x-kubernetes-validations": rules };
  return { json: complete, presence: "optional" };
}

export function required<T>(inner: Field<T>): Field<T, "required"> {
  return { json: inner.json, presence: "required" };
}

/** `{}` stands for an object of defaults: it is written out, because rules are checked against the default as it is. */
export function defaulted<T>(inner: Field<T>, value: NoInfer<T> | Record<string, never>): Field<T, "defaulted"> {
  return { json: { ...inner.json, default: fill(inner.json, value) }, presence: "defaulted" };
}

interface StringOptions extends Described {
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
}

export function text({ minLength, maxLength, pattern, ...described }: StringOptions = {}): Field<string, "optional"> {
  return field(defined({ type: "string" as const, minLength, maxLength, pattern }), described);
}

export function timestamp(described?: Described): Field<string, "optional"> {
  return field({ type: "string", format: "date-time" }, described);
}

export function choice<const T extends string>(values: readonly T[], described?: Described): Field<T, "optional"> {
  return field({ type: "string", enum: values }, described);
}

interface IntegerOptions extends Described {
  readonly minimum?: number;
  readonly maximum?: number;
  readonly format?: "int32" | "int64";
}

export function integer(options: IntegerOptions = {}): Field<number, "optional"> {
  const { minimum, maximum, format = "int32", ...described } = options;
  return field(defined({ type: "integer" as const, format, minimum, maximum }), described);
}

export function truth(described?: Described): Field<boolean, "optional"> {
  return field({ type: "boolean" }, described);
}

/** A Kubernetes quantity: a number, or a string such as "512Mi". */
export function quantity(described?: Described): Field<string | number, "optional"> {
  return field(
    {
      anyOf: [{ type: "integer" }, { type: "string" }],
      pattern: "^[+]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][-+]?[0-9]+|[KMGTPE]i|[mkMGTPE])?$",
      maxLength: 32,
      "x-kubernetes-int-or-string": true,
    },
    described,
  );
}

interface MapOptions extends Described {
  readonly maxProperties: number;
}

export function mapOf<T>(
  values: Field<T>,
  { maxProperties, ...described }: MapOptions,
): Field<Readonly<Record<string, T>>, "optional"> {
  return field({ type: "object", additionalProperties: values.json, maxProperties }, described);
}

interface ListOptions extends Described {
  readonly maxItems: number;
  /** The item's properties that identify it: makes the list a map to server-side apply. */
  readonly keys?: readonly string[];
}

export function listOf<T>(
  items: Field<T>,
  { maxItems, keys, ...described }: ListOptions,
): Field<readonly T[], "optional"> {
  const kind = keys
    ? { "x-kubernetes-list-type": "map" as const, "x-kubernetes-list-map-keys": keys }
    : { "x-kubernetes-list-type": "atomic" as const };
  return field({ type: "array", items: items.json, maxItems, ...kind }, described);
}

/** An object of Kubernetes' own that is passed on as it is (affinity, tolerations …): its schema would make the CRD huge. */
export function opaque(described?: Described): Field<Readonly<Record<string, unknown>>, "optional"> {
  return field({ type: "object", "x-kubernetes-preserve-unknown-fields": true }, described);
}

export function object<P extends Properties>(properties: P, described?: Described): Field<ObjectOf<P>, "optional"> {
  const entries = Object.entries(properties);
  const requiredNames = entries.filter(([, property]) => property.presence === "required").map(([name]) => name);
  const json: JsonSchema = {
    type: "object",
    properties: Object.fromEntries(entries.map(([name, property]) => [name, property.json])),
    ...(requiredNames.length > 0 ? { required: requiredNames } : {}),
  };
  return field(json, described);
}

/**
 * The value with every absent property that has a default filled in, as the API server does it on admission.
 * Values that are present are kept, also where they are wrong: this is no validation.
 */
export function withDefaults<T>(schema: Field<T>, value: unknown): T {
  return fill(schema.json, value) as T;
}

function fill(schema: JsonSchema, value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = schema.items;
    return items === undefined ? value : value.map((item) => fill(items, item));
  }
  if (typeof value !== "object" || value === null || schema.properties === undefined) {
    return value;
  }
  const filled: Record<string, unknown> = { ...value };
  for (const [name, property] of Object.entries(schema.properties)) {
    const present = filled[name] ?? property.default;
    if (present !== undefined) {
      filled[name] = fill(property, present);
    }
  }
  return filled;
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as Defined<T>;
}
