/**
 * The moves of slots of one node, put together over its part in the cluster: what they make of the cluster's state, which
 * data goes, and when writes are held. How a node stores, sends and replicates comes in as parts, so that the simulation of
 * many nodes runs the same code.
 */

import { believePrimary, claimAgain, giveSlots, relayClaim, takeCopiedSlots } from "../cluster/slot-claims.ts";
import type { ClusterState } from "../cluster/state.ts";
import { doubtCopies, expectCopies, forgetSurplus } from "../cluster/surplus-slots.ts";
import type { Logger } from "../observability/logger.ts";
import type { Clock } from "../platform/clock.ts";
import type { MigrationJob } from "./migration-job.ts";
import { isSourceOwner, isTargetUpToDate, ownerOfMove } from "./move-ownership.ts";
import { refuseSlots } from "./move-rules.ts";
import { SlotDrops } from "./slot-drops.ts";
import { type ExportPorts, SlotExport } from "./slot-export.ts";
import { type ImportPorts, SlotImport } from "./slot-import.ts";
import { SlotMigrations, type SourceConnection } from "./slot-migrations.ts";

export type SourcePorts = Pick<
  ExportPorts,
  "connect" | "credentials" | "limits" | "startSnapshot" | "listen" | "mayHoldWrites" | "soon"
>;

export type TargetPorts = Pick<
  ImportPorts,
  "apply" | "neededBytes" | "refusal" | "position" | "isKept" | "requestAcknowledgements"
>;

export interface NodeMovesParts {
  readonly clock: Pick<Clock, "nowMs" | "monotonicUs">;
  readonly logger: Logger;
  readonly state: ClusterState;
  change(make: (state: ClusterState) => void): void;
  newName(): string;
  maxRemembered(): number;
  /** Nothing heard of the other end for so long: given up. */
  timeoutMs(): number;
  /** The source waits so long for the target's claim. */
  failoverTimeoutMs(): number;
  isReplica(): boolean;
  countKeys(slot: number): number;
  isSweeping(slot: number): boolean;
  tellReplicas(bytes: Buffer): void;
  /** Writers may go on. */
  released(): void;
  sourcePorts(job: MigrationJob, work: () => SlotExport): SourcePorts;
  targetPorts(connection: SourceConnection, work: () => SlotImport): TargetPorts;
}

export class NodeMoves {
  readonly migrations: SlotMigrations;
  readonly #parts: NodeMovesParts;
  readonly #drops: SlotDrops;
  readonly #holders = new Set<MigrationJob>();

  constructor(parts: NodeMovesParts) {
    this.#parts = parts;
    this.#drops = new SlotDrops(parts);
    this.migrations = new SlotMigrations({
      nowMs: () => parts.clock.nowMs(),
      newName: () => parts.newName(),
      myId: () => parts.state.myself.id,
      maxRemembered: () => parts.maxRemembered(),
      expectCopies: (slots) => parts.change((state) => expectCopies(state, slots)),
      copiesEnded: (slots, areOwned) => {
        parts.change((state) => {
          if (areOwned) believePrimary(state, slots);
          forgetSurplus(state, slots);
        });
      },
      owns: (slots) => [...slots].every((slot) => parts.state.table.ownedByMe[slot] === 1),
      drop: (slots, done) => {
        const foreign = [...slots].filter((slot) => parts.state.table.ownedByMe[slot] !== 1);
        this.#drops.add(new Set(foreign), done);
      },
      doubtCopies: () => parts.change(doubtCopies),
      tellReplicas: (bytes) => parts.tellReplicas(bytes),
      isReplica: () => parts.isReplica(),
      createExport: (job) => this.#createExport(job),
      createImport: (job, connection) => this.#createImport(job, connection),
    });
  }

  /** Slots are just changing hands: writes wait. */
  get holdsWrites(): boolean {
    return this.#holders.size > 0;
  }

  /** Ten times a second. */
  tick(): void {
    this.#drops.tick();
    this.migrations.tick();
  }

  #createExport(job: MigrationJob): SlotExport {
    const { clock, logger, state } = this.#parts;
    const work: SlotExport = new SlotExport(job, {
      ...{ clock, logger, ...this.#parts.sourcePorts(job, () => work) },
      holdWrites: (isOn) => this.#holdWrites(job, isOn),
      owner: () => ownerOfMove(state, job),
      relay: () => this.#relay(job),
      isTargetUpToDate: () => isTargetUpToDate(state, job),
      give: (isOn) => this.#parts.change((changed) => giveSlots(changed, job.slots, isOn)),
      hearsMajority: () => state.isOk,
      claim: () => this.#parts.change(claimAgain),
    });
    return work;
  }

  #holdWrites(job: MigrationJob, isOn: boolean): void {
    if (isOn) this.#holders.add(job);
    else if (this.#holders.delete(job) && this.#holders.size === 0) this.#parts.released();
  }

  #relay({ slots }: MigrationJob): void {
    this.#parts.change((state) => {
      const [slot] = slots;
      const owner = slot === undefined ? undefined : state.table.ownerOf(slot);
      if (owner !== undefined) relayClaim(state, owner);
    });
  }

  #createImport(job: MigrationJob, connection: SourceConnection): SlotImport {
    const { clock, logger, state } = this.#parts;
    const work: SlotImport = new SlotImport(job, {
      ...{ clock, logger, ...this.#parts.targetPorts(connection, () => work) },
      timeoutMs: () => this.#parts.timeoutMs(),
      // The source waits for all of it: the other half is for the claim, on its way there.
      takeOverWithinMs: () => this.#parts.failoverTimeoutMs() / 2,
      send: (bytes) => connection.send(bytes),
      disconnect: () => connection.destroy(),
      isSourceOwner: () => isSourceOwner(state, job),
      mayNotOwn: () => refuseSlots(state),
      expect: () => {
        this.#parts.change((changed) => expectCopies(changed, job.slots));
        this.migrations.announce(job);
      },
      drop: (done) => this.#drops.add(job.slots, done),
      takeOver: () => this.#parts.change((changed) => takeCopiedSlots(changed, job.slots)),
      ended: (ended) => this.migrations.importEnded(ended),
    });
    return work;
  }
}
