/**
 * What a server listens on for clients, and changes of it while it runs: `port`, `bind`, `tls-port` and `cluster-external-port` of
 * CONFIG SET. What is open stays open if the new place cannot be had; clients that are connected notice nothing.
 */

import { bindAddress } from "../config/bind-address.ts";
import type { Config } from "../config/config.ts";
import type { Logger } from "../observability/logger.ts";
import type { Clock } from "../platform/clock.ts";
import { describeSystemError } from "../platform/system-error.ts";
import type { ClientGateway } from "./client-gateway.ts";
import { type AcceptedSocket, Listener } from "./listener.ts";
import type { CertificateRefusal } from "./tls-listener.ts";
import { startTls, type TlsService } from "./tls-service.ts";
import { removeDeadSocket, setSocketPermissions } from "./unix-socket.ts";

export interface ListeningParts {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly gateway: ClientGateway;
  readonly certificateRefused: (refusal: CertificateRefusal) => void;
}

/** Why a change was refused, and the directive to blame. */
export interface PortRefusal {
  readonly directive: "port" | "bind" | "tls-port" | "cluster-external-port";
  readonly reason: string;
}

interface Places {
  readonly port: number;
  readonly tlsPort: number;
  /** For clients from outside of the network in which cluster nodes have their addresses. */
  readonly externalPort: number;
  readonly bind: readonly string[];
}

/** What listens apart from the others, and is changed apart. */
interface Part {
  readonly directive: PortRefusal["directive"];
  isChanged(wanted: Places, before: Places): boolean;
  replace(wanted: Places, before: Places): Promise<Error | undefined>;
}

const LONG_MS = 2 ** 30;

/** No client could ever come: the start must stop. */
export class NowhereToListen extends Error {}

export class ClientPorts {
  readonly #parts: ListeningParts;
  #plain: Listener[] = [];
  #secure: TlsService | undefined;
  #unix: Listener | undefined;
  #external: { stop(): void }[] = [];
  #open: Places = { port: 0, tlsPort: 0, externalPort: 0, bind: [] };
  /** A process that listens nowhere for a while is not to end. */
  #keepsAlive: NodeJS.Timeout | undefined;

  readonly #changing: readonly Part[] = [
    {
      directive: "port",
      isChanged: (wanted, before) => wanted.port !== before.port,
      replace: (wanted, before) => this.#replacePlain(wanted, before),
    },
    {
      directive: "tls-port",
      isChanged: (wanted, before) => wanted.tlsPort !== before.tlsPort,
      replace: (wanted, before) => this.#replaceSecure(wanted, before),
    },
    {
      directive: "cluster-external-port",
      isChanged: (wanted, before) =>
        wanted.externalPort !== before.externalPort || (wanted.tlsPort === 0) !== (before.tlsPort === 0),
      replace: (wanted, before) => this.#replaceExternal(wanted, before),
    },
  ];

  constructor(parts: ListeningParts) {
    this.#parts = parts;
  }

  /** Of the plain port; 0 if there is none. */
  get port(): number {
    return this.#open.port;
  }

  /**
   * Rejects if an address cannot be bound that `bind` does not mark as optional. Port 0 is settled by the first address; beside
   * a `tls-port` it means that there is no other.
   */
  async open(): Promise<void> {
    const { config } = this.#parts;
    const wanted = placesOf(config);
    const isPlain = wanted.port !== 0 || wanted.tlsPort === 0;
    const port = isPlain ? await this.#openPlain(wanted) : 0;
    await this.#openUnix(config.get("unixsocket"), config.get("unixsocketperm"));
    this.#secure = await this.#openSecure(wanted);
    await this.#openExternal(wanted);
    if (this.#listeners.length === 0) throw new NowhereToListen("Configured to not listen anywhere, exiting.");
    this.#open = { ...wanted, port };
    this.#keepsAlive = setInterval(() => undefined, LONG_MS);
  }

  /** Whether the directives name other places than are open. */
  get isOutdated(): boolean {
    return describe(placesOf(this.#parts.config)) !== describe(this.#open);
  }

  /** Opens what the directives name now, and closes the rest; gives why that cannot be. Then all is as it was. */
  async change(): Promise<PortRefusal | undefined> {
    const wanted = placesOf(this.#parts.config);
    const before = this.#open;
    const isElsewhere = wanted.bind.join(" ") !== before.bind.join(" ");
    const done: Part[] = [];
    for (const part of this.#changing) {
      if (!isElsewhere && !part.isChanged(wanted, before)) continue;
      const problem = await part.replace(wanted, before);
      if (problem === undefined) {
        done.push(part);
        continue;
      }
      for (const other of done.reverse()) await other.replace(before, wanted);
      return refusal(isElsewhere && done.length === 0 ? "bind" : part.directive, problem, this.#parts.logger);
    }
    this.#open = wanted;
    return undefined;
  }

  stop(): void {
    clearInterval(this.#keepsAlive);
    for (const listener of this.#listeners) listener.stop();
  }

  get #listeners(): { stop(): void }[] {
    return [...this.#plain, ...this.#external, this.#unix, this.#secure].filter((one) => one !== undefined);
  }

  /** On another port the old one closes last; on the same one the addresses would be in each other's way. */
  async #replacePlain(wanted: Places, before: Places): Promise<Error | undefined> {
    const old = this.#plain;
    const close = (): void => {
      for (const listener of old) listener.stop();
    };
    this.#plain = [];
    if (wanted.port === before.port) close();
    try {
      if (wanted.port !== 0) await this.#openPlain(wanted);
      close();
      return undefined;
    } catch (error) {
      if (wanted.port === before.port) await this.#openPlain(before).catch(() => 0);
      else this.#plain = old;
      return error as Error;
    }
  }

  async #openUnix(path: string, permissions: number): Promise<void> {
    if (path === "") return;
    await removeDeadSocket(path);
    this.#unix = new Listener({ ...this.#common(), host: undefined, port: 0, path });
    await this.#unix.start();
    setSocketPermissions(path, permissions);
  }

  async #replaceSecure(wanted: Places, before: Places): Promise<Error | undefined> {
    const old = this.#secure;
    if (wanted.tlsPort === before.tlsPort) old?.stop();
    try {
      this.#secure = await this.#openSecure(wanted);
      old?.stop();
      return undefined;
    } catch (error) {
      this.#secure = wanted.tlsPort === before.tlsPort ? await this.#openSecure(before).catch(() => undefined) : old;
      return error as Error;
    }
  }

  async #replaceExternal(wanted: Places, before: Places): Promise<Error | undefined> {
    const old = this.#external;
    const close = (): void => {
      for (const listener of old) listener.stop();
    };
    const isSame = wanted.externalPort === before.externalPort;
    if (isSame) close();
    try {
      await this.#openExternal(wanted);
      close();
      return undefined;
    } catch (error) {
      this.#external = old;
      if (isSame) await this.#openExternal(before).catch(() => undefined);
      return error as Error;
    }
  }

  /** By TLS where there is a port for that: who has asked for it will not want to leave it out there. */
  async #openExternal({ bind, tlsPort, externalPort: port }: Places): Promise<void> {
    if (port === 0) this.#external = [];
    else if (tlsPort === 0) this.#external = (await this.#listen({ bind, port }, true)).opened;
    else {
      const secure = await this.#openSecure({ bind, tlsPort: port }, true);
      this.#external = secure === undefined ? [] : [secure];
    }
  }

  /** Gives the port. */
  async #openPlain(wanted: Places): Promise<number> {
    const { opened, port } = await this.#listen(wanted, false);
    this.#plain = opened;
    return port;
  }

  /** On all addresses or on none. */
  async #listen(
    { bind, port: wanted }: Pick<Places, "bind" | "port">,
    isOutside: boolean,
  ): Promise<{ opened: Listener[]; port: number }> {
    const opened: Listener[] = [];
    let port = wanted;
    for (const address of bind) {
      const { host, isOptional } = bindAddress(address);
      const listener = new Listener({ ...this.#common(isOutside), host, port });
      try {
        port = await listener.start();
        opened.push(listener);
      } catch (error) {
        if (!isOptional) {
          for (const other of opened) other.stop();
          throw error;
        }
        this.#parts.logger.verbose(`Skipped address "${address}": ${(error as Error).message}`);
      }
    }
    return { opened, port };
  }

  #openSecure({ bind, tlsPort }: Pick<Places, "bind" | "tlsPort">, isOutside = false): Promise<TlsService | undefined> {
    const { config, clock, logger, certificateRefused } = this.#parts;
    const addresses = bind.map(bindAddress);
    const { accept } = this.#common(isOutside);
    return startTls({ config, clock, logger, addresses, accept, certificateRefused, port: tlsPort });
  }

  #common(isOutside = false) {
    const { config, gateway, logger } = this.#parts;
    return {
      backlog: config.get("tcp-backlog"),
      keepAliveSeconds: config.get("tcp-keepalive"),
      batch: gateway.batch,
      accept: (accepted: AcceptedSocket) => gateway.accept(accepted, isOutside),
      acceptFailed: (error: Error) => logger.warning(`Accepting a client failed: ${describeSystemError(error)}`),
    };
  }
}

function placesOf(config: Config): Places {
  return {
    port: config.get("port"),
    tlsPort: config.get("tls-port"),
    externalPort: config.get("cluster-external-port"),
    bind: config.get("bind"),
  };
}

function describe({ port, tlsPort, externalPort, bind }: Places): string {
  return [port, tlsPort, externalPort, ...bind].join(" ");
}

const REASONS: Readonly<Record<PortRefusal["directive"], string>> = {
  port: "Unable to listen on this port. Check server logs.",
  bind: "Failed to bind to specified addresses.",
  "tls-port": "Unable to listen on this port. Check server logs.",
  "cluster-external-port": "Unable to listen on this port. Check server logs.",
};

function refusal(directive: PortRefusal["directive"], error: Error, logger: Logger): PortRefusal {
  const isSystemError = "syscall" in error;
  logger.warning(
    `Failed listening as "${directive}" says: ${isSystemError ? describeSystemError(error) : error.message}`,
  );
  // What is wrong with certificates is no matter of the port.
  const reason = isSystemError ? REASONS[directive] : "Unable to update TLS configuration. Check server logs.";
  return { directive, reason };
}
