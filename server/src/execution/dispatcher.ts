/**
 * Takes requests from a connection's bytes through lookup, guards, slot routing, the command's function, and propagation.
 * There is one Call and one reply writer for all clients, since one thread runs one command at a time to its end.
 *
 * Hot path: what usually lets a command pass is two integer tests (`deny` bits of its flags, special bits of its client);
 * the clock is read once a batch, and again only around commands that can take long.
 */

import type { ReplyWriter } from "@kvcluster/protocol/reply-writer";
import { Call, Propagation } from "../commands/call.ts";
import {
  advanceReplySkip,
  type Client,
  ClientFlag,
  type QueuedCommand,
  SPECIAL_CLIENT_FLAGS,
} from "../commands/client.ts";
import { CommandBit, type CommandTable } from "../commands/command-table.ts";
import type { ServerContext } from "../commands/context.ts";
import { CommandError, executionAborted, unknownSubcommand, wrongArity } from "../commands/errors.ts";
import { resetTransaction } from "../commands/transactions.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { WaitedKeys } from "../keyspace/waited-keys.ts";
import type { Handle } from "../memory/arena-layout.ts";
import type { Clock } from "../platform/clock.ts";
import { CommandTimes } from "./command-times.ts";
import type { CommandObserver, RequestSource } from "./dispatcher-ports.ts";
import { denyMask, refusal, type ServerState } from "./guards.ts";
import { isHeldByPause } from "./held-by-pause.ts";
import { permissionError, permissionErrorInExec } from "./permission-check.ts";
import type { Propagator } from "./propagation.ts";
import { SlotMeter } from "./slot-meter.ts";
import { NO_SLOT, requestSlot, routingError, type SlotOwnership } from "./slot-router.ts";
import { SnapshotWait } from "./snapshot-wait.ts";
import type { TrackedReads } from "./tracked-reads.ts";
import { queueCommand } from "./transaction-queue.ts";
import { TurnClock } from "./turn-clock.ts";
import { unknownCommandIn } from "./unknown-command.ts";

export interface DispatcherOptions {
  readonly table: CommandTable;
  readonly keyspace: Keyspace;
  readonly clock: Clock;
  readonly state: ServerState;
  readonly propagator: Propagator;
  readonly observer: CommandObserver;
  readonly parser: RequestSource;
  readonly reply: ReplyWriter;
  readonly context: ServerContext;
  readonly bootClient: Client;
  /** Undefined: not in cluster mode. */
  readonly cluster: SlotOwnership | undefined;
  /** A command has made keys ready that clients wait for. */
  readonly serveReady: () => void;
  readonly trackedReads: TrackedReads;
  /** Whether changing the value of this record has to wait for a snapshot. */
  readonly snapshotHolds: (record: Handle) => boolean;
}

/** Replies beyond this are handed to the socket in the middle of a batch. */
const FLUSH_REPLY_BYTES = 1 << 20;
/** Not worth timing by itself unless somebody asks for commands as short as this. */
const QUICK_US = 1000;
const STOPS_BATCH = ClientFlag.closeAfterReply | ClientFlag.blocked;
const PROPAGATES = CommandBit.write | CommandBit.mayReplicate;
const REPLY_SUPPRESSED = ClientFlag.replyOff | ClientFlag.replySkip | ClientFlag.primary;
const ENDS_SPECIALLY = REPLY_SUPPRESSED | ClientFlag.tracking;

export class Dispatcher {
  readonly #table: CommandTable;
  readonly #keyspace: Keyspace;
  readonly #clock: Clock;
  readonly #time: TurnClock;
  readonly #state: ServerState;
  readonly #propagator: Propagator;
  readonly #waited: WaitedKeys;
  readonly #serveReady: () => void;
  readonly #trackedReads: TrackedReads;
  readonly #snapshotWait: SnapshotWait;
  readonly #observer: CommandObserver;
  readonly #parser: RequestSource;
  readonly #cluster: SlotOwnership | undefined;
  readonly #slotMeter: SlotMeter | undefined;
  readonly #call: Call;
  readonly reply: ReplyWriter;
  readonly #times: CommandTimes;
  #deny = 0;
  #propagating = false;
  #isSnapshotRunning = false;
  #metersSlots = false;
  /** The request at hand waits for the end of a pause: it is not to be consumed. */
  #isHeld = false;
  /** The slow log wants to know of quick commands too, each for itself. */
  #timesAll = false;
  #isRunningAgain = false;
  /** Commands run since the start. */
  processed = 0;
  /** The client whose requests are being run, for replies and messages to itself in order. */
  current: Client | undefined;
  neededBytes = 0;
  lastBatchCommands = 0;
  /** After a run: the position behind its last command that left no transaction open, −1 if there was none. */
  settledEnd = -1;

  constructor(options: DispatcherOptions) {
    this.#table = options.table;
    this.#times = new CommandTimes(options.table);
    this.#keyspace = options.keyspace;
    this.#clock = options.clock;
    this.#time = new TurnClock(options.clock);
    this.#state = options.state;
    this.#propagator = options.propagator;
    this.#waited = options.keyspace.waited;
    this.#serveReady = options.serveReady;
    this.#trackedReads = options.trackedReads;
    this.#snapshotWait = new SnapshotWait(options.table, options.snapshotHolds);
    this.#observer = options.observer;
    this.#parser = options.parser;
    this.#cluster = options.cluster;
    const { table, clock, propagator } = options;
    this.#slotMeter = this.#cluster && new SlotMeter({ table, clock, propagator, use: this.#cluster.slotUse });
    this.reply = options.reply;
    const db = options.keyspace.database(0);
    this.#call = new Call({ client: options.bootClient, db, reply: options.reply, server: options.context });
  }

  /**
   * Runs the whole requests in `buffer[position..end)`; gives the position after the last one. Replies are in `reply`;
   * `flush` is called when they grow large. A protocol error answers, flags the client for closing and stops.
   */
  run(client: Client, buffer: Buffer, position: number, end: number, flush: () => void): number {
    const call = this.#call;
    const started = this.#time.startUs();
    const before = this.processed;
    this.#beginBatch(client, started);
    this.settledEnd = -1;
    while (position < end) {
      const next = this.#parser.parse(buffer, position, end, call, this.#isTrusted(client));
      if (next < 0) {
        if (next === -2) this.#protocolError(client);
        else this.neededBytes = this.#parser.needed === 0 ? 0 : this.#parser.needed - position;
        break;
      }
      if (call.argc !== 0) {
        // An inline request was copied: its frame is not in `call.buffer`.
        const inPlace = call.buffer === buffer;
        this.#execute(call, inPlace ? position : -1, next);
        if (this.#isHeld) {
          this.#isHeld = false;
          this.neededBytes = 0;
          break;
        }
        if (this.reply.position > FLUSH_REPLY_BYTES) flush();
      }
      position = next;
      if ((client.flags & ClientFlag.multi) === 0) this.settledEnd = position;
      if ((client.flags & STOPS_BATCH) !== 0) break;
    }
    this.lastBatchCommands = this.processed - before;
    this.#endBatch(started, this.lastBatchCommands);
    return position;
  }

  /** Runs a command that is already in the call: a queued one at EXEC, one called by a script. `start` −1: no frame of its own. */
  runNested(call: Call, id: number, start = -1, end = -1): void {
    // Commands of scripts have been checked before.
    if ((call.client.flags & (ClientFlag.restricted | ClientFlag.script)) === ClientFlag.restricted) {
      const error = permissionErrorInExec(call, id);
      if (error !== undefined) {
        this.#observer.failed(error);
        this.reply.error(error);
        return;
      }
    }
    this.#invoke(call, id, this.#table.flags[id] as number, start, end);
  }

  /** Runs a command again for a client that waited in it, counted once, and gives the bytes of its reply. */
  runFor(client: Client, command: QueuedCommand): Buffer {
    const id = command.command;
    const bytes = this.workFor(client, (call) => {
      Object.assign(call, command);
      this.#isRunningAgain = true;
      this.#invokeMetered(call, id, this.#table.flags[id] as number, -1, -1);
      this.#isRunningAgain = false;
    });
    this.#table.calls[id] = (this.#table.calls[id] as number) - 1;
    this.processed--;
    return bytes;
  }

  /** Does something for a client outside of its requests, and gives the bytes of the reply that this has written. */
  workFor(client: Client, work: (call: Call) => void): Buffer {
    const call = this.#call;
    const { reply } = this;
    const { buffer, argc, offset, length } = call;
    const interrupted = { client: call.client, db: call.db, command: call.command, buffer, argc, offset, length };
    const { resp3, position } = reply;
    Object.assign(call, { client, db: this.#keyspace.database(client.databaseIndex) });
    reply.resp3 = client.protocol === 3;
    try {
      work(call);
    } catch (error) {
      reply.position = position;
      this.#fault(call, error);
    }
    const bytes = Buffer.from(reply.buffer.subarray(position, reply.position));
    reply.position = position;
    reply.resp3 = resp3;
    Object.assign(call, interrupted);
    return bytes;
  }

  /** The slot of the keys of the request in the call, NO_SLOT if it has none or there is no cluster. */
  slotOf(call: Call, id: number): number {
    return this.#cluster === undefined ? NO_SLOT : requestSlot(this.#table, id, call);
  }

  /** Whether `objection` may find anything against such a command of a client in no special state. */
  mayObject(id: number): boolean {
    const bits = this.#table.flags[id] as number;
    return (bits & this.#deny) !== 0 || (this.#cluster !== undefined && (bits & CommandBit.hasKeys) !== 0);
  }

  /**
   * The error that the guards have for the request in the call, if any. Permissions are left out: EXEC asks for all of its
   * commands at once, and one that is not permitted any more does not keep the others from running.
   */
  objection(call: Call, id: number): string | undefined {
    return this.#objection(call, id, () => undefined);
  }

  #objection(call: Call, id: number, permissionError: () => string | undefined): string | undefined {
    const bits = this.#table.flags[id] as number;
    const fullName = this.#table.fullNames[id] as string;
    const routingError = (): string | undefined => this.#routingError(call, id, bits);
    return refusal(this.#state, { call, bits, fullName, routingError, permissionError });
  }

  /** Whether the parser is to take requests of any size from it. */
  #isTrusted(client: Client): boolean {
    return (client.flags & ClientFlag.unauthenticated) === 0 || !this.#state.requiresAuthentication;
  }

  /** To be called when a state that guards look at has changed outside a command. */
  refresh(): void {
    this.#deny = denyMask(this.#state);
    const { slowerThanUs } = this.#observer;
    this.#timesAll = slowerThanUs >= 0 && slowerThanUs < QUICK_US;
    this.#isSnapshotRunning = this.#keyspace.arena.isSnapshotRunning;
    this.#metersSlots = this.#slotMeter?.isOn === true;
    this.#propagating = this.#propagator.active;
    this.#call.isPropagated = this.#propagating;
  }

  /**
   * Requests of many clients follow, with nothing in between: the states that guards look at change by commands only, which
   * then ask for them anew.
   */
  beginTurn(): void {
    this.#time.beginTurn();
    this.refresh();
  }

  endTurn(): void {
    this.#time.endTurn();
  }

  #beginBatch(client: Client, startedUs: number): void {
    const call = this.#call;
    if (this.#time.renew(startedUs)) this.refresh();
    const { nowMs } = this.#time;
    this.current = client;
    this.#times.beginBatch();
    call.client = client;
    call.nowMs = nowMs;
    call.db = this.#keyspace.database(client.databaseIndex);
    this.#keyspace.setNow(nowMs);
    this.reply.resp3 = client.protocol === 3;
    client.lastActiveMs = nowMs;
  }

  #endBatch(startedUs: number, commands: number): void {
    this.current = undefined;
    const { hasUntimed } = this.#times;
    if (!hasUntimed && !this.#time.isInTurn) return;
    const elapsed = this.#time.endUs() - startedUs;
    if (!hasUntimed) return;
    this.#times.endBatch(elapsed);
    const slowest = this.#observer.slowerThanUs;
    if (commands === 1 && slowest >= 0 && elapsed >= slowest) this.#observer.slow(this.#call, elapsed);
  }

  /** ASKING counts for one request, whatever becomes of that, or for one transaction. */
  #execute(call: Call, start: number, end: number): void {
    const { client } = call;
    const usesAsking = (client.flags & ClientFlag.asking) !== 0 && !call.is(0, "asking");
    this.#executeOne(call, start, end);
    if (usesAsking && !this.#isHeld && !client.has(ClientFlag.multi)) client.set(ClientFlag.asking, false);
  }

  #executeOne(call: Call, start: number, end: number): void {
    const table = this.#table;
    let id = table.lookup(call.buffer, call.offset[0] as number, call.length[0] as number);
    if (id !== 0 && ((table.flags[id] as number) & CommandBit.container) !== 0 && call.argc > 1) {
      id = this.#subcommand(call, id);
    }
    if (id <= 0) {
      if (id === 0) this.#refuseUnknown(call);
      return;
    }
    const arity = table.arity[id] as number;
    if (arity > 0 ? call.argc !== arity : call.argc < -arity) {
      this.#reject(call, id, wrongArity(table.fullNames[id] as string));
      return;
    }
    const bits = table.flags[id] as number;
    const client = call.client;
    if (((bits & this.#deny) | (client.flags & SPECIAL_CLIENT_FLAGS)) !== 0) {
      if (!this.#passSpecial(call, id, bits)) {
        if (this.#metersSlots && !this.#isHeld) this.#slotMeter?.queued(call, id, start, end);
        return;
      }
    } else if (!this.#passOrdinary(call, id, bits)) return;
    if (this.#metersSlots) this.#invokeMetered(call, id, bits, start, end);
    else this.#invoke(call, id, bits, start, end);
    // In the middle of a script nobody is served: what it has made ready may be gone at its end.
    if (this.#waited.hasReady && this.#state.busyError === undefined) this.#serveReady();
  }

  /** For a client and a server in no special state: whether the keys are served here, and may change. */
  #passOrdinary(call: Call, id: number, bits: number): boolean {
    if (this.#cluster !== undefined && (bits & CommandBit.hasKeys) !== 0) {
      const error = this.#routingError(call, id, bits);
      if (error !== undefined) {
        this.#reject(call, id, error);
        return false;
      }
    }
    if (!this.#isSnapshotRunning || !this.#snapshotWait.applies(call, id)) return true;
    this.#hold(call.client);
    return false;
  }

  /** As `#invoke`, and books what it costs on the slot of its keys, where that is wanted. */
  #invokeMetered(call: Call, id: number, bits: number, start: number, end: number): void {
    const meter = this.#metersSlots ? this.#slotMeter : undefined;
    const metered = meter?.begin(call, id, { start, end, isAgain: this.#isRunningAgain });
    this.#invoke(call, id, bits, start, end);
    if (metered !== undefined) meter?.end(call, metered);
  }

  #invoke(call: Call, id: number, bits: number, start: number, end: number): void {
    const table = this.#table;
    const reply = this.reply;
    const client = call.client;
    const dirty = this.#keyspace.dirty;
    const errors = reply.errors;
    const replyStart = reply.position;
    const databaseIndex = client.databaseIndex;
    call.command = id;
    call.propagation = Propagation.asIs;
    const timed = (bits & CommandBit.untimed) === 0 || this.#timesAll;
    const started = timed ? this.#clock.monotonicUs() : 0;
    try {
      (table.run[id] as (call: Call) => void)(call);
    } catch (error) {
      reply.position = replyStart;
      if (error instanceof CommandError) reply.error(error.message);
      else this.#fault(call, error);
    }
    // Commands of a transaction or a script ran in the same call.
    call.command = id;
    if (timed) this.#account(call, id, this.#clock.monotonicUs() - started);
    else this.#times.addUntimed(id);
    if (reply.errors !== errors && reply.attributeErrors()) {
      table.failedCalls[id] = (table.failedCalls[id] as number) + 1;
      if (!reply.isLastErrorCounted) this.#observer.failed(reply.lastError);
    }
    table.calls[id] = (table.calls[id] as number) + 1;
    this.processed++;
    client.lastCommand = id;
    if (this.#propagating && (bits & PROPAGATES) !== 0) {
      if (this.#keyspace.dirty !== dirty || (bits & CommandBit.mayReplicate) !== 0) {
        this.#propagator.send(call, databaseIndex, start, end);
        client.writeOffset = this.#propagator.offset;
        client.appendOffset = call.server.appendOnly.position;
      }
    }
    if (call.effects.length !== 0) call.effects.length = 0;
    if ((bits & CommandBit.admin) !== 0) this.refresh();
    if (this.#observer.monitors.count !== 0 && !this.#isRunningAgain) this.#observer.ran(call);
    if ((client.flags & ENDS_SPECIALLY) !== 0) {
      if ((client.flags & REPLY_SUPPRESSED) !== 0) reply.position = replyStart;
      if ((client.flags & ClientFlag.tracking) !== 0) this.#trackedReads.commandEnded(call, id, this.current);
    }
  }

  #account(call: Call, id: number, elapsed: number): void {
    this.#times.addTimed(id, elapsed);
    const slowest = this.#observer.slowerThanUs;
    // One that waits is told of once it has been served.
    const isWaiting = (call.client.flags & ClientFlag.blocked) !== 0 && !this.#isRunningAgain;
    if (slowest >= 0 && elapsed >= slowest && !isWaiting) this.#observer.slow(call, elapsed);
  }

  /** The checks for a client or a server in a special state; true if the command is to run now. */
  #passSpecial(call: Call, id: number, bits: number): boolean {
    const client = call.client;
    client.lastCommand = id;
    if (this.#state.holdsWrites && isHeldByPause(call, this.#table.fullNames[id] as string, bits)) {
      this.#hold(client);
      return false;
    }
    const error = this.#hasOnlyPermissionsToCheck(client, bits)
      ? permissionError(call, id)
      : this.#objection(call, id, () => permissionError(call, id));
    // Before anything that a second attempt would find changed.
    if (error === undefined && this.#isSnapshotRunning && this.#snapshotWait.applies(call, id)) {
      this.#hold(client);
      return false;
    }
    if ((client.flags & (ClientFlag.replySkip | ClientFlag.replySkipNext)) !== 0) advanceReplySkip(client);
    if (error !== undefined) {
      this.#reject(call, id, error);
      return false;
    }
    if ((client.flags & ClientFlag.multi) === 0) return true;
    return !queueCommand(call, id, bits, this.#table.fullNames[id] as string);
  }

  /** The request at hand stays unread in its connection until that is resumed. */
  #hold(client: Client): void {
    this.#isHeld = true;
    client.set(ClientFlag.held, true);
    client.connection.pause();
  }

  /** Of an ordinary request of a restricted user nothing else can be wrong. */
  #hasOnlyPermissionsToCheck(client: Client, bits: number): boolean {
    const isOrdinary = (client.flags & SPECIAL_CLIENT_FLAGS) === ClientFlag.restricted;
    return isOrdinary && (bits & this.#deny) === 0 && this.#cluster === undefined;
  }

  #routingError(call: Call, id: number, bits: number): string | undefined {
    const cluster = this.#cluster;
    if (cluster === undefined || (bits & CommandBit.hasKeys) === 0) return undefined;
    return routingError(cluster, this.#table, id, call, bits);
  }

  #subcommand(call: Call, container: number): number {
    const name = call.text(1);
    const id = this.#table.subcommand(container, name);
    if (id !== 0) return id;
    // A container that is also a command of its own (COMMAND, for one) takes no such argument either.
    this.#reject(call, 0, unknownSubcommand(this.#table.fullNames[container] as string, name));
    return -1;
  }

  #refuseUnknown(call: Call): void {
    if (call.is(0, "host:") || call.is(0, "post")) {
      this.#dropWebRequest(call.client);
      return;
    }
    this.#reject(call, 0, unknownCommandIn(call));
  }

  /** Words of HTTP: somebody made a browser or a proxy send commands in the body of a request. Nothing is answered. */
  #dropWebRequest(client: Client): void {
    this.#observer.attacked(client);
    client.flags |= ClientFlag.closeAfterReply;
    client.connection.destroy();
  }

  #reject(call: Call, id: number, error: string): void {
    const client = call.client;
    client.lastCommand = id === 0 ? -1 : id;
    this.#table.rejectedCalls[id] = (this.#table.rejectedCalls[id] as number) + 1;
    this.#observer.failed(error);
    if ((client.flags & ClientFlag.multi) !== 0) client.flags |= ClientFlag.transactionFailed;
    const replyStart = this.reply.position;
    if (this.#table.fullNames[id] === "exec") {
      this.reply.error(executionAborted(error));
      resetTransaction(call, client);
    } else this.reply.error(error);
    if ((client.flags & REPLY_SUPPRESSED) !== 0) this.reply.position = replyStart;
  }

  #protocolError(client: Client): void {
    this.reply.error(`ERR Protocol error: ${this.#parser.error}`);
    client.flags |= ClientFlag.closeAfterReply;
  }

  #fault(call: Call, error: unknown): void {
    this.#observer.fault(call, error);
    this.reply.error("ERR internal error");
  }
}
