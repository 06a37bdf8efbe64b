/** Moves of slots, put together from the server's parts: what they hear of changes, and how they run those of others. */

import { ReplyWriter } from "@kvcluster/protocol/reply-writer";
import type { ServerCluster } from "../cluster/server-cluster.ts";
import { Call } from "../commands/call.ts";
import type { CommandTable } from "../commands/command-table.ts";
import type { ServerContext } from "../commands/context.ts";
import { nobody } from "../commands/nobody.ts";
import type { LinkConnector } from "../replication/primary-link.ts";
import { createServerSlotMigrations, type ServerSlotMigrations } from "../slot-migration/server-slot-migrations.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { RequestSource } from "./dispatcher-ports.ts";
import type { ServerState } from "./guards.ts";
import { createImportApplier } from "./import-applier.ts";
import { MovedChanges } from "./moved-changes.ts";

export interface SlotMovesParts {
  readonly table: CommandTable;
  /** One of its own: changes are told in the middle of commands. */
  readonly createParser: () => RequestSource;
  readonly connect: LinkConnector;
  /** What is made after it. */
  readonly later: () => {
    readonly context: ServerContext;
    readonly dispatcher: Dispatcher;
    readonly state: ServerState;
  };
}

export interface SlotMoves {
  /** Takes the stream of changes. */
  readonly feed: MovedChanges;
  create(context: MovesContext, cluster: ServerCluster): ServerSlotMigrations;
}

export type MovesContext = Pick<
  ServerContext,
  "config" | "clock" | "random" | "logger" | "keyspace" | "persistence" | "appendOnly" | "replication" | "pause"
>;

const OUT_OF_MEMORY = "Ran out of memory (OOM) during slot import";

export function createSlotMoves({ table, createParser, connect, later }: SlotMovesParts): SlotMoves {
  const client = nobody();
  let call: Call | undefined;
  const feed = new MovedChanges({
    ...{ table, parser: createParser() },
    call: () => {
      const { context } = later();
      call ??= new Call({
        ...{ client, db: context.keyspace.database(0), reply: new ReplyWriter(), server: context },
      });
      return call;
    },
  });
  return {
    feed,
    create: (context, cluster) =>
      createServerSlotMigrations({
        ...context,
        ...{ cluster, connect, listeners: feed.listeners },
        createApplier: (source) =>
          createImportApplier({
            ...{ dispatcher: () => later().dispatcher, keyspace: context.keyspace, connection: client.connection },
            source: [...later().context.clients.all()].find((known) => known.connection === source),
          }),
        refusal: () => {
          const { state } = later();
          if (state.persistenceError !== undefined) return state.persistenceError;
          return state.memoryLimited && !state.makeRoom() ? OUT_OF_MEMORY : undefined;
        },
        isHeldUp: () => later().state.busyError !== undefined,
        released: () => context.pause.release(),
      }),
  };
}

/** What replicas are told of moves of slots, and what they make of their primary's stream. */
export function followedMoves(moves: () => ServerContext["slotMigrations"]) {
  return {
    snapshotBegun: () => moves()?.migrations.announceAll(),
    streamReplaced: () => moves()?.migrations.streamReplaced(),
  };
}
