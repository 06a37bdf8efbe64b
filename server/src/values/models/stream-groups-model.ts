/** Consumer groups and their pending entries against maps: both trees of each entry, names, numbers, copies, compaction. */

import fc from "fast-check";
import type { Arena } from "../../memory/arena.ts";
import { ByteSpan } from "../../memory/byte-span.ts";
import { Int64 } from "../../memory/int64.ts";
import { StreamId } from "../../memory/stream-id.ts";
import { defaultEncodingLimits } from "../encoding-limits.ts";
import { StreamValue } from "../stream.ts";
import { leaveAll } from "./dictionary-model.ts";
import { type Model, type ModelRun, same } from "./model.ts";

type GroupOperation =
  | ConsumerOperation
  | ({ readonly kind: "acknowledge"; readonly group: string } & Run)
  | { readonly kind: "createGroup" | "deleteGroup"; readonly group: string }
  | { readonly kind: "relocate" | "copy" };

type ConsumerOperation =
  | ({ readonly kind: "deliver"; readonly group: string; readonly consumer: string } & Run)
  | { readonly kind: "createConsumer" | "deleteConsumer"; readonly group: string; readonly consumer: string };

/** Ids from one on, with a step between them. */
interface Run {
  readonly from: number;
  readonly count: number;
  readonly step: number;
}

interface PendingEntry {
  consumer: string;
  timeMs: number;
  deliveries: number;
}

interface ModelGroup {
  readonly consumers: Set<string>;
  readonly pending: Map<number, PendingEntry>;
}

const group = fc.constantFrom("g", "group", "");
const consumer = fc.constantFrom("a", "b", "c", "another consumer", "");
const run = {
  from: fc.nat({ max: 10_000 }),
  count: fc.oneof({ weight: 6, arbitrary: fc.nat({ max: 5 }) }, { weight: 1, arbitrary: fc.nat({ max: 1500 }) }),
  step: fc.integer({ min: 1, max: 5 }),
};
const LIMITS = defaultEncodingLimits();
/** Large times need both words of the tree. */
const FIRST_MS = 1_700_000_000_000;

export const streamGroupsModel: Model<GroupOperation> = {
  name: "consumer groups",
  operation: fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("deliver" as const), group, consumer, ...run }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("acknowledge" as const), group, ...run }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("createConsumer" as const), group, consumer }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("deleteConsumer" as const), group, consumer }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("createGroup" as const), group }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("deleteGroup" as const), group }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("relocate", "copy") }) },
  ),
  start: (arena) => new GroupsRun(arena),
};

class GroupsRun implements ModelRun<GroupOperation> {
  readonly #arena: Arena;
  readonly #view: StreamValue;
  readonly #other: StreamValue;
  readonly #model = new Map<string, ModelGroup>();
  #clockMs = FIRST_MS;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#view = new StreamValue(arena, LIMITS);
    this.#other = new StreamValue(arena, LIMITS);
    this.#view.create();
  }

  apply(operation: GroupOperation): void {
    switch (operation.kind) {
      case "relocate":
        leaveAll(this.#arena);
        for (let position = this.#view.relocate(0); position !== 0; ) position = this.#view.relocate(position);
        break;
      case "copy":
        this.#other.copyFrom(this.#view, new ByteSpan());
        same(contentOf(this.#other), expectedOf(this.#model), "copy");
        while (!this.#other.freeSome(1));
        break;
      case "createGroup":
        this.#createGroup(operation.group);
        break;
      default:
        this.#changeGroup(operation);
    }
    same(this.#view.groupCount, this.#model.size, "groups");
  }

  check(): void {
    same(contentOf(this.#view), expectedOf(this.#model), "content");
    same(this.#view.memoryBytes(0), this.#arena.usedBytes, "bytes counted");
  }

  end(): void {
    while (!this.#view.freeSome(1));
  }

  #createGroup(name: string): void {
    if (this.#model.has(name)) return;
    this.#view.createGroup(spanOf(name), new StreamId().set(0, this.#model.size, 0, 7));
    this.#model.set(name, { consumers: new Set(), pending: new Map() });
  }

  #changeGroup(operation: Exclude<GroupOperation, { kind: "relocate" | "copy" | "createGroup" }>): void {
    const handle = this.#view.findGroup(spanOf(operation.group));
    const model = this.#model.get(operation.group);
    same(handle !== 0, model !== undefined, `whether group "${operation.group}" is there`);
    if (model === undefined) return;
    if (operation.kind === "acknowledge") this.#acknowledge(handle, model, operation);
    else if ("consumer" in operation) this.#changeConsumer(handle, model, operation);
    else {
      this.#other.open(this.#view.detachGroup(handle), this.#view.encoding);
      this.#model.delete(operation.group);
      while (!this.#other.freeSome(1));
    }
  }

  #changeConsumer(handle: number, model: ModelGroup, operation: ConsumerOperation): void {
    const { groups } = this.#view;
    const { consumer: name } = operation;
    const found = groups.findConsumer(handle, spanOf(name));
    same(found !== 0, model.consumers.has(name), `whether consumer "${name}" is there`);
    if (operation.kind === "createConsumer") {
      if (found === 0) groups.createConsumer(handle, spanOf(name), ++this.#clockMs, -1);
      model.consumers.add(name);
    } else if (found === 0) return;
    else if (operation.kind === "deleteConsumer") {
      groups.deleteConsumer(handle, found);
      model.consumers.delete(name);
      for (const [id, entry] of model.pending) if (entry.consumer === name) model.pending.delete(id);
    } else if (operation.kind === "deliver") this.#deliver(handle, model, found, operation);
  }

  #deliver(
    handle: number,
    model: ModelGroup,
    found: number,
    { consumer: name, ...ids }: Run & { consumer: string },
  ): void {
    const { groups } = this.#view;
    this.#clockMs += 2 ** 30;
    for (let k = 0; k < ids.count; k++) {
      const number = ids.from + k * ids.step;
      const before = model.pending.get(number);
      const isNew = groups.assign(handle, idOf(number), found);
      same(isNew, before === undefined, "whether an entry became pending");
      groups.deliveryMs = this.#clockMs;
      if (isNew) groups.setDeliveries(0, 1);
      else groups.countDelivery();
      const deliveries = (before?.deliveries ?? 0) + 1;
      model.pending.set(number, { consumer: name, timeMs: this.#clockMs, deliveries });
    }
  }

  #acknowledge(handle: number, model: ModelGroup, ids: Run): void {
    for (let k = 0; k < ids.count; k++) {
      const number = ids.from + k * ids.step;
      same(this.#view.groups.acknowledge(handle, idOf(number)), model.pending.delete(number), "acknowledgement");
    }
  }
}

/** Halves whose order as signed numbers differs. */
function idOf(number: number): StreamId {
  return new StreamId().set(number >>> 10, number << 22, -1, number);
}

function spanOf(text: string): ByteSpan {
  const bytes = Buffer.from(text, "latin1");
  const span = new ByteSpan();
  span.set(bytes, 0, bytes.length);
  return span;
}

function compareNames(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function expectedOf(model: ReadonlyMap<string, ModelGroup>): string[] {
  const lines: string[] = [];
  for (const [name, { consumers, pending }] of [...model].sort(([left], [right]) => compareNames(left, right))) {
    lines.push(`group ${name} ${pending.size}`);
    const sorted = [...pending].sort(([left], [right]) => left - right);
    for (const [id, entry] of sorted) lines.push(`${idOf(id)} ${entry.consumer} ${entry.timeMs} ${entry.deliveries}`);
    for (const consumer of [...consumers].sort(compareNames)) {
      const own = sorted.filter(([, entry]) => entry.consumer === consumer);
      lines.push(`consumer ${consumer} ${own.map(([id]) => idOf(id)).join(",")}`);
    }
  }
  return lines;
}

function contentOf(view: StreamValue): string[] {
  const { groups } = view;
  const lines: string[] = [];
  const span = new ByteSpan();
  const nameOf = (record: number): string => {
    groups.names.readName(record, span);
    return span.toBuffer().toString("latin1");
  };
  const id = new StreamId();
  for (let k = 0; k < view.groupCount; k++) {
    const group = view.groupAt(k);
    const tree = groups.tree(group);
    lines.push(`group ${nameOf(group)} ${groups.pending.count(tree)}`);
    for (let more = groups.pending.seek(tree, id.setZero()); more; more = groups.pending.next(tree)) {
      const deliveries = groups.readDeliveries(new Int64()).toNumber();
      const owner = nameOf(groups.pendingConsumer(group));
      lines.push(`${groups.pending.readId(id)} ${owner} ${groups.deliveryMs} ${deliveries}`);
    }
    for (let c = 0; c < groups.consumerCount(group); c++) {
      const consumer = groups.consumerAt(group, c);
      const own = groups.ownTree(consumer);
      const ids: string[] = [];
      for (let more = groups.ownPending.seek(own, id.setZero()); more; more = groups.ownPending.next(own)) {
        ids.push(String(groups.ownPending.readId(id)));
      }
      same(ids.length, groups.ownPending.count(own), "count of a consumer's tree");
      lines.push(`consumer ${nameOf(consumer)} ${ids.join(",")}`);
    }
  }
  return lines;
}
