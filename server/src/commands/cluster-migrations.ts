/**
 * CLUSTER subcommands that move slots from one primary to another as a whole, by the words of Valkey 9; the moves themselves:
 * slot-migration/. Errors of SYNCSLOTS are read by whoever asked the source for the move.
 */

import { findNode } from "../cluster/admin.ts";
import { type ClusterNode, isPrimary } from "../cluster/cluster-node.ts";
import type { SlotRange } from "../cluster/slot-bitmap.ts";
import { type MigrationJob, rangesText } from "../slot-migration/migration-job.ts";
import { soleOwner } from "../slot-migration/move-ownership.ts";
import { refuseImport, refuseMoves } from "../slot-migration/move-rules.ts";
import type { ServerSlotMigrations } from "../slot-migration/server-slot-migrations.ts";
import { parseInt64 } from "./arguments.ts";
import type { Call } from "./call.ts";
import { ClientFlag } from "./client.ts";
import { ADMIN_FLAGS, ADMIN_READ_FLAGS, clusterOf, slotArgument } from "./cluster-access.ts";
import { defineCommands } from "./command.ts";
import { CommandError, ERRORS } from "./errors.ts";

const NAME_LENGTH = 40;

export const clusterMigrationCommands = defineCommands([
  {
    name: "migrateslots",
    arity: -7,
    flags: ADMIN_FLAGS,
    group: "cluster",
    since: "9.0.0",
    complexity: "O(N) in the number of slots; the move itself, in the background, in the number of keys of this node",
    summary: "Moves slots with their keys from this primary to others.",
    syntax: "SLOTSRANGE start-slot end-slot [start-slot end-slot ...] NODE node-id",
    run: migrateSlots,
  },
  {
    name: "getslotmigrations",
    arity: 2,
    flags: ADMIN_READ_FLAGS,
    tips: ["nondeterministic_output"],
    group: "cluster",
    since: "9.0.0",
    complexity: "O(N) in the number of moves that are known",
    summary: "Lists the moves of slots that this node takes or took part in.",
    syntax: "",
    run: getSlotMigrations,
  },
  {
    name: "cancelslotmigrations",
    arity: 2,
    flags: ADMIN_FLAGS,
    group: "cluster",
    since: "9.0.0",
    complexity: "O(N) in the number of moves under way",
    summary: "Gives up all moves of slots away from this node.",
    syntax: "",
    run: cancelSlotMigrations,
  },
  {
    name: "syncslots",
    arity: -3,
    flags: ADMIN_FLAGS,
    group: "cluster",
    since: "9.0.0",
    complexity: "Depends on the word",
    summary: "Is said between the two nodes of a move of slots.",
    syntax: "word [argument ...]",
    run: syncSlots,
  },
]);

function migrationsOf(call: Call): ServerSlotMigrations {
  const { slotMigrations } = call.server;
  if (slotMigrations === undefined) throw new CommandError(ERRORS.clusterDisabled);
  return slotMigrations;
}

interface SlotRanges {
  readonly ranges: readonly SlotRange[];
  readonly slots: readonly number[];
  /** The argument behind them. */
  readonly next: number;
}

/** Ranges from argument `index` up to the first that is no number. */
function slotRanges(call: Call, index: number): SlotRanges {
  const ranges: SlotRange[] = [];
  const slots = new Set<number>();
  for (; index < call.argc && isNumber(call, index); index += 2) {
    const start = slotArgument(call, index);
    if (index + 1 >= call.argc) throw new CommandError("ERR No end slot for final slot range");
    const end = slotArgument(call, index + 1);
    if (start > end) throw new CommandError(`ERR Start slot number ${start} is greater than end slot number ${end}.`);
    for (let slot = start; slot <= end; slot++) {
      if (slots.has(slot)) throw overlap(ranges, start, end);
      slots.add(slot);
    }
    ranges.push({ start, end });
  }
  if (ranges.length === 0) throw new CommandError("ERR No slot ranges specified");
  return { ranges, slots: [...slots], next: index };
}

function overlap(ranges: readonly SlotRange[], start: number, end: number): CommandError {
  const other = ranges.find((range) => range.end >= start && range.start <= end);
  return new CommandError(`ERR Slot range ${start}-${end} overlaps with previous range ${other?.start}-${other?.end}.`);
}

/** The one owner of all the slots. */
function ownerOf(call: Call, { slots }: SlotRanges): ClusterNode {
  const found = soleOwner(clusterOf(call).state, slots);
  if ("refusal" in found) throw new CommandError(found.refusal);
  return found.owner;
}

function isNumber(call: Call, index: number): boolean {
  return parseInt64(call.buffer, call.offset[index] as number, call.length[index] as number) !== undefined;
}

function check(refusal: string | undefined): void {
  if (refusal !== undefined) throw new CommandError(refusal);
}

interface Move {
  readonly wanted: SlotRanges;
  readonly target: ClusterNode;
}

function migrateSlots(call: Call): void {
  const { migrations } = migrationsOf(call);
  check(refuseMoves(clusterOf(call).state));
  const moves: Move[] = [];
  const taken: TakenSlots = { before: migrations.exportedSlots(), here: new Set() };
  for (let index = 2; index < call.argc; ) {
    const wanted = exportedRanges(call, index, taken);
    const target = targetArgument(call, wanted.next);
    moves.push({ wanted, target });
    index = wanted.next + 2;
  }
  for (const { wanted, target } of moves) migrations.begin(wanted.ranges, target.id);
  call.reply.ok();
}

/** What moves already, by earlier commands and by this one. */
interface TakenSlots {
  readonly before: ReadonlySet<number>;
  readonly here: Set<number>;
}

function exportedRanges(call: Call, index: number, taken: TakenSlots): SlotRanges {
  if (!call.is(index, "slotsrange")) throw new CommandError(ERRORS.syntax);
  const wanted = slotRanges(call, index + 1);
  if (ownerOf(call, wanted) !== clusterOf(call).state.myself)
    throw new CommandError("ERR Slots are not served by this node.");
  const busy = wanted.slots.find((slot) => taken.before.has(slot));
  if (busy !== undefined) throw new CommandError(`ERR I am already migrating slot ${busy}.`);
  if (wanted.slots.some((slot) => taken.here.has(slot))) {
    throw new CommandError("ERR Slot ranges in migrations overlap");
  }
  for (const slot of wanted.slots) taken.here.add(slot);
  return wanted;
}

function targetArgument(call: Call, index: number): ClusterNode {
  const { state } = clusterOf(call);
  if (index + 1 >= call.argc || !call.is(index, "node")) throw new CommandError(ERRORS.syntax);
  const id = call.text(index + 1);
  if (id.length !== NAME_LENGTH) throw new CommandError(`ERR Invalid node name: ${id}`);
  const target = findNode(state, id);
  if (target === undefined) throw new CommandError(`ERR Unknown node name: ${id}`);
  if (target === state.myself) throw new CommandError("ERR Target node can not be this node.");
  if (!isPrimary(target)) throw new CommandError("ERR Target node is not a primary node.");
  return target;
}

function cancelSlotMigrations(call: Call): void {
  if (!migrationsOf(call).migrations.cancelAll()) throw new CommandError("ERR No migrations ongoing");
  call.reply.ok();
}

function getSlotMigrations(call: Call): void {
  const { migrations } = migrationsOf(call);
  const { jobs } = migrations;
  call.reply.array(jobs.length);
  for (const job of jobs) replyJob(call, job, migrations.remainingBytes(job));
}

function replyJob({ reply }: Call, job: MigrationJob, remainingBytes: number): void {
  const seconds = (ms: number): number => Math.floor(ms / 1000);
  const fields: [name: string, value: string | number][] = [
    ["name", job.name],
    ["operation", job.operation],
    ["slot_ranges", rangesText(job.ranges)],
  ];
  if (job.nodes !== undefined) fields.push(["target_node", job.nodes.target], ["source_node", job.nodes.source]);
  fields.push(
    ["create_time", seconds(job.createdAtMs)],
    ["last_update_time", seconds(job.changedAtMs)],
    ["last_ack_time", seconds(job.heardAtMs)],
    ["state", job.state],
    ["message", job.message],
    // Nothing is copied on write here: there is no fork.
    ["cow_size", 0],
    ["remaining_repl_size", remainingBytes],
  );
  reply.map(fields.length);
  for (const [name, value] of fields) {
    reply.bulkString(name);
    if (typeof value === "number") reply.integer(value);
    else reply.bulkString(value);
  }
}

function syncSlots(call: Call): void {
  const word = call.text(2).toLowerCase();
  const { applying } = migrationsOf(call);
  call.propagateNothing();
  if (word === "establish") establish(call);
  else if (word === "finish") finish(call);
  else if (applying !== undefined) applying.told(word);
  // A replica hears the words of its primary's import too, which are none of its business.
  else if (!call.client.has(ClientFlag.primary)) {
    const isKnown = SOURCE_WORDS.has(word);
    const text = `ERR CLUSTER SYNCSLOTS ${word.toUpperCase()} should only be used by slot migration clients`;
    throw new CommandError(isKnown ? text : ERRORS.syntax);
  }
}

const SOURCE_WORDS: ReadonlySet<string> = new Set(["ack", "snapshot-eof", "paused", "failover-granted", "capa"]);

/** Arguments by name from `index` on, each once; what is unknown is a syntax error. */
function namedArguments(call: Call, names: readonly string[]): Map<string, string> {
  const given = new Map<string, string>();
  for (let index = 3; index < call.argc; index += 2) {
    const name = call.text(index).toLowerCase();
    if (!names.includes(name) || given.has(name) || index + 1 >= call.argc) throw new CommandError(ERRORS.syntax);
    given.set(name, call.text(index + 1));
  }
  return given;
}

interface EstablishRequest {
  readonly sourceId: string;
  readonly name: string;
  readonly wanted: SlotRanges;
}

function establishRequest(call: Call): EstablishRequest {
  let wanted: SlotRanges | undefined;
  const names = new Map<string, string>();
  for (let index = 3; index < call.argc; ) {
    const word = call.text(index).toLowerCase();
    if (word === "slotsrange" && wanted === undefined) {
      wanted = slotRanges(call, index + 1);
      index = wanted.next;
      continue;
    }
    const isName = (word === "source" || word === "name") && !names.has(word) && index + 1 < call.argc;
    if (!isName || call.length[index + 1] !== NAME_LENGTH) throw new CommandError(ERRORS.syntax);
    names.set(word, call.text(index + 1));
    index += 2;
  }
  const [sourceId, name] = [names.get("source"), names.get("name")];
  if (wanted === undefined || sourceId === undefined || name === undefined) throw new CommandError(ERRORS.syntax);
  return { sourceId, name, wanted };
}

function establish(call: Call): void {
  const { migrations, applying } = migrationsOf(call);
  const { state } = clusterOf(call);
  if (applying !== undefined) throw new CommandError("ERR A slot migration is under way on this connection");
  if (call.client.has(ClientFlag.primary)) {
    const { name, wanted } = establishRequest(call);
    migrations.follow(name, wanted.ranges);
    return;
  }
  check(refuseMoves(state));
  const { sourceId, name, wanted } = establishRequest(call);
  check(refuseImport(state, migrations, { sourceId, name, slots: wanted.slots }));
  // The connection is to be this one's alone: no other move's, no replica's.
  if (call.client.has(ClientFlag.multi | ClientFlag.inExec | ClientFlag.replica)) throw new CommandError(ERRORS.syntax);
  // As with links of replication, no limit for ordinary clients ends this connection, and no pause stops it.
  call.client.set(ClientFlag.replica, true);
  migrations.establish(call.client.connection, { name, sourceId, ranges: wanted.ranges });
}

/** The primary of this replica says how its import has ended. */
function finish(call: Call): void {
  const given = namedArguments(call, ["state", "name", "message"]);
  const [state, name] = [given.get("state")?.toLowerCase(), given.get("name")];
  if ((state !== "success" && state !== "failed") || name === undefined) throw new CommandError(ERRORS.syntax);
  const isKnown =
    call.client.has(ClientFlag.primary) &&
    migrationsOf(call).migrations.followed(name, state === "success", given.get("message") ?? "");
  if (!isKnown) throw new CommandError("ERR No such slot migration job");
  call.reply.ok();
}
