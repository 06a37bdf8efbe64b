/**
 * Lets clients in: the limit on their number, protected mode, a session and a connection for each, and their leaving.
 */

import { TLSSocket } from "node:tls";
import { Client, type ClientRegistry } from "../commands/client.ts";
import {
  Connection,
  type ConnectionLimits,
  type DurabilityGate,
  type RequestHandler,
  type Traffic,
} from "./connection.ts";
import type { AcceptedSocket, ByteReceiver } from "./listener.ts";
import { Outboxes } from "./outboxes.ts";
import { ReplyQueue } from "./reply-queue.ts";
import type { SocketBatch, TurnListener } from "./socket-batch.ts";

export interface GatewaySettings {
  readonly maxClients: number;
  /** Whether strangers from the network are refused because nothing protects the data, whatever addresses it is bound to. */
  readonly isProtected: boolean;
}

export interface GatewayOptions {
  readonly clients: ClientRegistry;
  readonly handler: RequestHandler;
  readonly limits: ConnectionLimits;
  readonly traffic: Traffic;
  /** Where the sockets of clients are read and written together; undefined where each does it by itself. */
  readonly batch: SocketBatch | undefined;
  readonly durable: DurabilityGate;
  readonly settings: () => GatewaySettings;
  readonly nowMs: () => number;
  /** The requests of a turn have run, and their replies are about to leave. */
  readonly turnEnded: () => void;
  /** A client has come: it is yet to get its user. */
  readonly joined: (client: Client) => void;
  /** Some times a second: disconnects those who take too much memory. */
  readonly evict: () => void;
  /** A client has gone: its subscriptions, watches and so on are to be undone. */
  readonly left: (client: Client) => void;
}

const TOO_MANY = "-ERR max number of clients reached\r\n";
const DENIED =
  "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. 4) Setup a an authentication password for the default user. NOTE: You only need to do one of the above things in order for the server to start accepting connections from the outside.\r\n";

function turnsOf({ handler, durable }: GatewayOptions): TurnListener {
  return {
    beginTurn: () => handler.beginTurn(),
    endTurn: () => handler.endTurn(),
    get gathers() {
      return durable.gathers;
    },
  };
}

export class ClientGateway {
  readonly #options: GatewayOptions;
  readonly #replies: ReplyQueue;
  readonly #outboxes = new Outboxes();
  /** Above the soft limit of what waits for them, and since when. */
  readonly #slow = new Map<Connection, number>();

  constructor(options: GatewayOptions) {
    this.#options = options;
    const { handler, batch, traffic } = options;
    if (batch !== undefined) batch.turnListener = turnsOf(options);
    this.#replies = new ReplyQueue({
      ...{ reply: handler.reply, batch, traffic },
      schedule: (flush) => {
        if (batch?.isInTurn) batch.atEndOfTurn(flush);
        else setImmediate(flush);
      },
      beforeFlush: () => {
        options.turnEnded();
        options.durable.settle();
        this.#outboxes.flush();
      },
    });
    options.durable.releasing = () => {
      options.turnEnded();
      this.#outboxes.flush();
      this.#replies.flush();
    };
  }

  tick(): void {
    for (const connection of this.#slow.keys()) connection.endIfSlow();
    this.#options.evict();
  }

  get batch(): SocketBatch | undefined {
    return this.#options.batch;
  }

  /** Gives the receiver of the client's bytes, or undefined if it was turned away. */
  accept(accepted: AcceptedSocket, isOutside = false): ByteReceiver | undefined {
    const { clients, handler, limits, traffic, durable, settings, nowMs } = this.#options;
    const { maxClients, isProtected } = settings();
    const refusal = clients.count >= maxClients ? TOO_MANY : isProtected && !accepted.isLocal ? DENIED : undefined;
    if (refusal !== undefined) {
      clients.rejected++;
      accepted.socket.on("error", () => accepted.socket.destroy());
      accepted.socket.end(refusal, () => accepted.socket.destroy());
      return undefined;
    }
    const connection = new Connection({
      socket: accepted.socket,
      descriptor: accepted.descriptor,
      handler,
      limits,
      traffic,
      durable,
      replies: this.#replies,
      outboxes: this.#outboxes,
      slow: this.#slow,
      nowMs,
      closed: () => this.#leave(client),
    });
    const client = new Client({
      id: clients.nextId(),
      address: accepted.address,
      localAddress: accepted.localAddress,
      connection,
      createdAtMs: nowMs(),
      isEncrypted: accepted.socket instanceof TLSSocket,
      isOutside,
    });
    connection.attach(client);
    clients.add(client);
    this.#options.joined(client);
    return (chunk, start, end) => connection.receive(chunk, start, end);
  }

  #leave(client: Client): void {
    this.#options.clients.remove(client);
    this.#options.left(client);
  }
}
