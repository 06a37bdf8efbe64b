/** CLUSTER subcommands about slots: who owns them, on the move or not, and the keys in them. */

import { keySlot, SLOT_COUNT } from "@kvcluster/protocol/slots";
import {
  addSlots as assignSlots,
  bumpEpoch as bump,
  setConfigEpoch as setEpoch,
  setSlotState,
  flushSlots as unassignOwnSlots,
  deleteSlots as unassignSlots,
} from "../cluster/admin.ts";
import { refuseSetSlot } from "../slot-migration/move-rules.ts";
import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { ADMIN_FLAGS, changeCluster, clusterOf, READ_FLAGS, slotArgument, VIEW_FLAGS } from "./cluster-access.ts";
import { defineCommands } from "./command.ts";
import { CommandError, wrongArity } from "./errors.ts";

export const clusterSlotCommands = defineCommands([
  {
    name: "addslots",
    arity: -3,
    flags: ADMIN_FLAGS,
    group: "cluster",
    since: "3.0.0",
    complexity: "O(N) in the number of slots",
    summary: "Gives slots that nobody owns to this node.",
    syntax: "slot [slot ...]",
    run: (call) => changeCluster(call, (state) => assignSlots(state, slotList(call))),
  },
  {
    name: "addslotsrange",
    arity: -4,
    flags: ADMIN_FLAGS,
    group: "cluster",
    since: "7.0.0",
    complexity: "O(N) in the number of slots",
    summary: "Gives ranges of slots that nobody owns to this node.",
    syntax: "start-slot end-slot [start-slot end-slot ...]",
    run: (call) => changeCluster(call, (state) => assignSlots(state, slotRanges(call))),
  },
  {
    name: "delslots",
    arity: -3,
    flags: ADMIN_FLAGS,
    group: "cluster",
    since: "3.0.0",
    complexity: "O(N) in the number of slots",
    summary: "Forgets who owns slots, on this node only.",
    syntax: "slot [slot ...]",
    run: (call) => changeCluster(call, (state) => unassignSlots(state, slotList(call))),
  },
  {
    name: "delslotsrange",
    arity: -4,
    flags: ADMIN_FLAGS,
    group: "cluster",
    since: "7.0.0",
    complexity: "O(N) in the number of slots",
    summary: "Forgets who owns ranges of slots, on this node only.",
    syntax: "start-slot end-slot [start-slot end-slot ...]",
    run: (call) => changeCluster(call, (state) => unassignSlots(state, slotRanges(call))),
  },
  {
    name: "flushslots",
    arity: 2,
    flags: ADMIN_FLAGS,
    group: "cluster",
    since: "3.0.0",
    complexity: "O(1)",
    summary: "Forgets all slots of this node, which must be empty.",
    syntax: "",
    run: (call) => changeCluster(call, unassignOwnSlots),
  },
  {
    name: "setslot",
    arity: -4,
    flags: ADMIN_FLAGS,
    group: "cluster",
    since: "3.0.0",
    complexity: "O(1)",
    summary: "Opens a slot for migration or import, closes it, or names its owner.",
    syntax: "slot <IMPORTING node-id | MIGRATING node-id | NODE node-id | STABLE>",
    run: setSlot,
  },
  {
    name: "set-config-epoch",
    arity: 3,
    flags: ADMIN_FLAGS,
    group: "cluster",
    since: "3.0.0",
    complexity: "O(1)",
    summary: "Sets the configuration epoch of a node that knows no other.",
    syntax: "config-epoch",
    run: setConfigEpoch,
  },
  {
    name: "bumpepoch",
    arity: 2,
    flags: ADMIN_FLAGS,
    tips: ["nondeterministic_output"],
    group: "cluster",
    since: "3.0.0",
    complexity: "O(1)",
    summary: "Takes the next configuration epoch for this node.",
    syntax: "",
    run: bumpEpoch,
  },
  {
    name: "keyslot",
    arity: 3,
    flags: VIEW_FLAGS,
    group: "cluster",
    since: "3.0.0",
    complexity: "O(N) in the length of the key",
    summary: "Gives the slot of a key.",
    syntax: "key",
    run: (call) => call.reply.integer(keySlot(call.buffer, call.offset[2] as number, call.length[2] as number)),
  },
  {
    name: "countkeysinslot",
    arity: 3,
    flags: READ_FLAGS,
    group: "cluster",
    since: "3.0.0",
    complexity: "O(1)",
    summary: "Counts the keys of a slot that are on this node.",
    syntax: "slot",
    run: countKeysInSlot,
  },
  {
    name: "getkeysinslot",
    arity: 4,
    flags: READ_FLAGS,
    tips: ["nondeterministic_output"],
    group: "cluster",
    since: "3.0.0",
    complexity: "O(N) in the number of keys asked for; at the first time in the number of keys of the node",
    summary: "Names keys of a slot that are on this node.",
    syntax: "slot count",
    run: getKeysInSlot,
  },
]);

function slotList(call: Call): number[] {
  return Array.from({ length: call.argc - 2 }, (_, i) => slotArgument(call, i + 2));
}

function slotRanges(call: Call): number[] {
  const name = call.text(1).toLowerCase();
  if (call.argc % 2 !== 0) throw new CommandError(wrongArity(`cluster|${name}`));
  const slots: number[] = [];
  for (let i = 2; i < call.argc; i += 2) {
    const start = slotArgument(call, i);
    const end = slotArgument(call, i + 1);
    if (start > end) throw new CommandError(`ERR start slot number ${start} is greater than end slot number ${end}`);
    // A repeated slot is refused with the first one that comes twice, so more than all slots need not be listed.
    for (let slot = start; slot <= end && slots.length <= SLOT_COUNT; slot++) slots.push(slot);
  }
  return slots;
}

function setSlot(call: Call): void {
  const slot = slotArgument(call, 2);
  if (call.is(3, "stable") && call.argc === 4) {
    changeCluster(call, (state) => setSlotState(state, slot, { kind: "stable" }));
    return;
  }
  for (const kind of ["migrating", "importing", "node"] as const) {
    if (!call.is(3, kind) || call.argc !== 5) continue;
    const { slotMigrations } = call.server;
    const refusal = slotMigrations && refuseSetSlot(slotMigrations.migrations, slot);
    if (refusal !== undefined) throw new CommandError(refusal);
    changeCluster(call, (state) => setSlotState(state, slot, { kind, nodeId: call.text(4) }));
    return;
  }
  throw new CommandError("ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP");
}

function setConfigEpoch(call: Call): void {
  const epoch = integerArgument(call, 2);
  if (epoch < 0) throw new CommandError(`ERR Invalid config epoch specified: ${epoch}`);
  changeCluster(call, (state) => setEpoch(state, epoch));
}

function bumpEpoch(call: Call): void {
  const { isBumped, epoch } = clusterOf(call).change(bump);
  call.reply.status(`${isBumped ? "BUMPED" : "STILL"} ${epoch}`);
}

function countKeysInSlot(call: Call): void {
  const slot = integerArgument(call, 2);
  if (slot < 0 || slot >= SLOT_COUNT) throw new CommandError("ERR Invalid slot");
  call.reply.integer(clusterOf(call).countKeysInSlot(slot));
}

function getKeysInSlot(call: Call): void {
  const slot = integerArgument(call, 2);
  const limit = integerArgument(call, 3);
  if (slot < 0 || slot >= SLOT_COUNT || limit < 0) throw new CommandError("ERR Invalid slot or number of keys");
  const keys = clusterOf(call).keysInSlot(slot, limit);
  call.reply.array(keys.length);
  for (const key of keys) call.reply.bulkBuffer(key);
}
