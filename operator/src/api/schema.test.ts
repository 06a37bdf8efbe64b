import { describe, expect, expectTypeOf, it } from "vitest";
import {
  choice,
  defaulted,
  type Infer,
  integer,
  listOf,
  mapOf,
  object,
  quantity,
  required,
  text,
  truth,
  withDefaults,
} from "./schema.ts";

const schema = object({
  name: required(text({ minLength: 1 })),
  size: defaulted(choice(["small", "large"]), "small"),
  note: text(),
  nested: defaulted(object({ count: defaulted(integer({ minimum: 0 }), 3), on: truth() }), {}),
  members: listOf(object({ weight: defaulted(integer(), 1) }), { maxItems: 4 }),
  labels: mapOf(quantity(), { maxProperties: 2 }),
});

describe("a schema", () => {
  it("derives a type in which required and defaulted members are always there", () => {
    type Derived = Infer<typeof schema>;
    expectTypeOf<Derived["name"]>().toEqualTypeOf<string>();
    expectTypeOf<Derived["size"]>().toEqualTypeOf<"small" | "large">();
    expectTypeOf<Derived["nested"]["count"]>().toEqualTypeOf<number>();
    expectTypeOf<Derived["note"]>().toEqualTypeOf<string | undefined>();
    expectTypeOf<Derived["labels"]>().toEqualTypeOf<Readonly<Record<string, string | number>> | undefined>();
    expect(schema.json.required).toEqual(["name"]);
  });

  it("writes an object's default out in full, since rules are checked against it", () => {
    expect(schema.json.properties?.nested?.default).toEqual({ count: 3 });
  });

  it("fills in defaults at every depth and keeps what is given", () => {
    expect(withDefaults(schema, { name: "a", nested: { on: true }, members: [{}, { weight: 5 }] })).toEqual({
      name: "a",
      size: "small",
      nested: { count: 3, on: true },
      members: [{ weight: 1 }, { weight: 5 }],
    });
  });

  it("does not change the value it fills", () => {
    const value = Object.freeze({ name: "a", nested: Object.freeze({}) });
    expect(withDefaults(schema, value).nested.count).toBe(3);
  });
});
