import { expect, test } from "vitest";
import { AccessControl } from "./access-control.ts";
import type { CommandCatalogue } from "./command-catalogue.ts";
import { denialOf } from "./permissions.ts";

const NAMES = ["", "get", "set", "config", "config|get", "config|set", "select"];
const CATEGORIES: Readonly<Record<string, readonly number[]>> = {
  read: [1],
  write: [2],
  admin: [4, 5],
  slow: [3, 4, 5],
};

const catalogue: CommandCatalogue = {
  size: NAMES.length,
  idOf: (name) => Math.max(0, NAMES.indexOf(name.toLowerCase())),
  fullName: (id) => NAMES[id] as string,
  subcommandsOf: (id) => (id === 3 ? [4, 5] : []),
  isSubcommand: (id) => id === 4 || id === 5,
  idsOf: (category) => CATEGORIES[category],
};

function controlWith(allowsChannels = false): AccessControl {
  return new AccessControl({ catalogue, allowsChannels: () => allowsChannels, logLength: () => 3 });
}

/** The commands of a user after these rules, as they are described. */
function commandsAfter(...rules: string[]): string {
  const control = controlWith();
  expect(control.setUser("u", rules)).toBeTypeOf("object");
  return control.get("u")?.selectors[0].describeCommands() ?? "";
}

test("rules are shown as they were given, without those that later ones repeat or overrule", () => {
  expect(commandsAfter("+@all", "-@admin", "+get")).toBe("+@all -@admin +get");
  expect(commandsAfter("+get", "-get")).toBe("-@all -get");
  expect(commandsAfter("-get", "+@read", "-@read", "+@read")).toBe("-@all -get +@read");
  expect(commandsAfter("+config|get", "+config|set", "-config")).toBe("-@all -config");
  expect(commandsAfter("+config", "+config|get")).toBe("-@all +config +config|get");
  expect(commandsAfter("+select|0", "+SELECT|1", "+get", "+select")).toBe("-@all +get +select");
  expect(commandsAfter("+get", "allcommands")).toBe("+@all");
});

test("a user is described by rules that make the same user again", () => {
  const rules = [
    "on",
    ">p",
    "~a",
    "%R~b",
    "%W~b",
    "%W~c",
    "&ch",
    "+@all",
    "-config",
    "+config|get",
    "(%R~x +get)",
    "(+set)",
  ];
  const control = controlWith();
  control.setUser("u", rules);
  const description = control.get("u")?.describe() ?? "";
  expect(control.setUser("v", description.split(" "))).toBeTypeOf("object");
  expect(control.get("v")?.describe()).toBe(description);
  expect(description).toMatch(/^on #[0-9a-f]{64} ~a ~b %W~c resetchannels &ch \+@all -config \+config\|get \(%R~x/);
});

test("one wrong rule leaves the user as it was", () => {
  const control = controlWith();
  control.setUser("u", ["on", "+get"]);
  expect(control.setUser("u", ["off", "-get", "+nosuch"])).toMatch(/^Error in ACL SETUSER modifier '\+nosuch'/);
  expect(control.get("u")?.describe()).toBe("on resetchannels -@all +get");
});

test("of several selectors, the refusal that was closest to permission is told", () => {
  const control = controlWith();
  control.setUser("u", ["on", "+set", "(+get ~a)", "(+get %W~b)"]);
  const user = control.get("u");
  if (user === undefined) throw new Error("The user was made");
  const denial = (command: number, key: string) => {
    const buffer = Buffer.from(key);
    const use = { argument: 1, buffer, offset: 0, length: buffer.length, permissions: 1 };
    return denialOf(user, { command, isFree: false, firstArgument: () => key, keys: [use], channels: [] });
  };
  expect(denial(1, "a")).toBeUndefined();
  expect(denial(1, "b")).toEqual({ kind: "key", argument: 1 });
  expect(denial(6, "a")).toEqual({ kind: "command", argument: 0 });
});

test("the log counts a refusal that comes again within a minute, and forgets the oldest", () => {
  const { log } = controlWith();
  const event = { reason: "command", context: "toplevel", object: "get", userName: "u", clientInfo: "id=1" } as const;
  log.add(event, 1000);
  log.add({ ...event, object: "set" }, 2000);
  log.add({ ...event, clientInfo: "id=2" }, 61_000);
  const seen = () =>
    log.newest(10).map(({ object, count, id, clientInfo }) => `${id} ${object} ${count} ${clientInfo}`);
  expect(seen()).toEqual(["0 get 2 id=2", "1 set 1 id=1"]);
  log.add(event, 121_001);
  log.add({ ...event, object: "x" }, 121_001);
  expect(seen()).toEqual(["3 x 1 id=1", "2 get 1 id=1", "0 get 2 id=2"]);
});
