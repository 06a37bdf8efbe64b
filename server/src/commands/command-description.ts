/** One row of the command table as the nested reply of COMMAND INFO. */

import { aclCategories } from "./acl-categories.ts";
import type { Call } from "./call.ts";
import type { CommandRow, KeySpec } from "./command.ts";
import { replyStatusSet } from "./command-documentation.ts";

/** Marks of ours that Redis does not show. */
const HIDDEN_FLAGS: ReadonlySet<string> = new Set(["may_replicate", "may_write"]);

export function describeRow(call: Call, row: CommandRow, fullName: string): void {
  const { reply } = call;
  const keys = row.keys ?? [];
  const positions = legacyKeyRange(keys);
  const flags = row.flags.filter((flag) => !HIDDEN_FLAGS.has(flag));
  reply.array(10);
  reply.bulkString(fullName);
  reply.integer(row.arity);
  replyStatusSet(call, isMovable(row, keys) ? [...flags, "movablekeys"] : flags);
  reply.integer(positions.first);
  reply.integer(positions.last);
  reply.integer(positions.step);
  replyStatusSet(
    call,
    aclCategories(row).map((category) => `@${category}`),
  );
  reply.set(row.tips?.length ?? 0);
  for (const tip of row.tips ?? []) reply.bulkString(tip);
  reply.set(keys.length);
  for (const spec of keys) describeKeySpec(call, spec);
  const subcommands = row.subcommands ?? [];
  reply.set(subcommands.length);
  for (const subcommand of subcommands) describeRow(call, subcommand, `${row.name}|${subcommand.name}`);
}

/** Keys that the first specification's position alone does not tell. */
function isMovable(row: CommandRow, keys: readonly KeySpec[]): boolean {
  if (row.flags.includes("movablekeys")) return false;
  return keys.some((spec) => !("index" in spec.begin && "last" in spec.find) || spec.flags.includes("incomplete"));
}

/** The first, last and step of keys as clients knew them before there were specifications. */
function legacyKeyRange(keys: readonly KeySpec[]): { first: number; last: number; step: number } {
  let first = 0;
  let last = 0;
  let step = 0;
  for (const { begin, find } of keys) {
    if (!("index" in begin) || !("last" in find)) continue;
    const end = find.last < 0 ? find.last : begin.index + find.last;
    if (first === 0) {
      first = begin.index;
      last = end;
      step = find.step;
    } else if (begin.index === last + 1 && find.step === step) {
      last = end;
    }
  }
  return { first, last, step };
}

function describeKeySpec(call: Call, spec: KeySpec): void {
  const { reply } = call;
  reply.map(3);
  reply.bulkString("flags");
  replyStatusSet(call, spec.flags);
  reply.bulkString("begin_search");
  describeStep(call, ...beginOf(spec));
  reply.bulkString("find_keys");
  describeStep(call, ...findOf(spec));
}

type Step = [type: string, fields: readonly (readonly [string, string | number])[]];

function beginOf({ begin }: KeySpec): Step {
  if ("index" in begin) return ["index", [["index", begin.index]]];
  if (!("keyword" in begin)) return ["unknown", []];
  return [
    "keyword",
    [
      ["keyword", begin.keyword],
      ["startfrom", begin.startFrom],
    ],
  ];
}

function findOf({ find }: KeySpec): Step {
  if ("last" in find) {
    return [
      "range",
      [
        ["lastkey", find.last],
        ["keystep", find.step],
        ["limit", find.limit],
      ],
    ];
  }
  if (!("countAt" in find)) return ["unknown", []];
  return [
    "keynum",
    [
      ["keynumidx", find.countAt],
      ["firstkey", find.first],
      ["keystep", find.step],
    ],
  ];
}

function describeStep(call: Call, type: string, fields: Step[1]): void {
  const { reply } = call;
  reply.map(2);
  reply.bulkString("type");
  reply.bulkString(type);
  reply.bulkString("spec");
  reply.map(fields.length);
  for (const [name, value] of fields) {
    reply.bulkString(name);
    if (typeof value === "number") reply.integer(value);
    else reply.bulkString(value);
  }
}
