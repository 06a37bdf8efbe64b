// A small API server over real HTTP for tests: paged lists, watches with bookmarks, the three patch types, the status
// subresource, deletes; and the bad days: refusals with Retry-After, watches that are closed, that say nothing, that
// report 410 Gone. It knows the kinds it is given. The objects themselves are in fake-object-store.ts.
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { KubernetesObject } from "../kubernetes-object.ts";
import {
  type Admit,
  collectionOf,
  type FakeKind,
  FakeObjectStore,
  type HistoryEntry,
  RefusedError,
  type StoredObject,
  type Target,
} from "./fake-object-store.ts";

export interface FakeApiServerOptions {
  readonly kinds: readonly FakeKind[];
  readonly now?: () => number;
  readonly admit?: Admit;
}

/** A refusal to give instead of an answer. */
export interface Fault {
  readonly method?: string;
  readonly path?: RegExp;
  /** Matches watches only, or anything but watches. */
  readonly watch?: boolean;
  readonly status: number;
  readonly retryAfterSeconds?: number;
  /** How often; 1 when absent. */
  readonly times?: number;
}

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly contentType: string | undefined;
  readonly body: unknown;
}

interface OpenWatch {
  readonly collection: string;
  readonly namespace: string;
  readonly matches: (object: StoredObject) => boolean;
  readonly kind: FakeKind;
  readonly response: http.ServerResponse;
  readonly bookmarks: boolean;
  silent: boolean;
}

interface Route {
  readonly kind: FakeKind;
  readonly namespace: string;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

export class FakeApiServer {
  readonly #kinds: readonly FakeKind[];
  readonly #store: FakeObjectStore;
  readonly #server: http.Server;
  readonly #watches = new Set<OpenWatch>();
  #faults: { fault: Fault; left: number }[] = [];
  #firstValidToken = 0;
  #watchOpened: (() => void)[] = [];
  /** Everything that was asked, in order. */
  readonly requests: SeenRequest[] = [];

  constructor({ kinds, now = () => Date.now(), admit }: FakeApiServerOptions) {
    this.#kinds = kinds;
    this.#store = new FakeObjectStore(now, admit);
    this.#store.onChange = (entry) => this.#broadcast(entry);
    this.#server = http.createServer((request, response) => void this.#serve(request, response));
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  // ---- the world as a test sees and changes it ----

  /** Creates an object, status included, as if some other client had. */
  seed<T extends KubernetesObject>(object: T): T {
    const kind = this.#kindOf(object);
    const created = this.#store.create(kind, object.metadata.namespace ?? "", object);
    const { status } = object as StoredObject;
    return (status === undefined ? created : this.setStatus(created, status)) as T;
  }

  setStatus<T extends KubernetesObject>(object: T, status: unknown): T {
    const target = this.#targetOf(object);
    const live = this.#store.get(target);
    const { resourceVersion: _version, ...metadata } = live.metadata;
    return this.#store.replace(target, { ...live, metadata, status } as StoredObject, "status") as unknown as T;
  }

  /** Merge-patches an object as if some other client had. */
  change<T extends KubernetesObject>(object: T, patch: Record<string, unknown>): T {
    return this.#store.mergePatch(this.#targetOf(object), patch) as unknown as T;
  }

  remove(object: KubernetesObject): void {
    this.#store.delete(this.#targetOf(object));
  }

  find<T extends KubernetesObject>(kind: FakeKind, namespace: string, name: string): T | undefined {
    return this.#store.list(kind, namespace).find(({ metadata }) => metadata.name === name) as T | undefined;
  }

  list<T extends KubernetesObject>(kind: FakeKind, namespace = ""): T[] {
    return this.#store.list(kind, namespace) as unknown as T[];
  }

  /** The version of the last write: a settled operator leaves it where it is. */
  get resourceVersion(): number {
    return this.#store.version;
  }

  get writes(): readonly SeenRequest[] {
    return this.requests.filter(({ method }) => method !== "GET");
  }

  // ---- bad days ----

  refuse(fault: Fault): void {
    this.#faults.push({ fault, left: fault.times ?? 1 });
  }

  compact(): void {
    this.#store.compact();
  }

  expireContinueTokens(): void {
    this.#firstValidToken = this.#store.version + 1;
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  /** Ends all watches the way a server does when their time is over. */
  closeWatches(): void {
    for (const watch of this.#watches) {
      watch.response.end();
    }
    this.#watches.clear();
  }

  /** Cuts the connections of all watches. */
  breakWatches(): void {
    for (const watch of this.#watches) {
      watch.response.destroy();
    }
    this.#watches.clear();
  }

  /** Open watches get nothing more, as when the network drops packets. */
  silenceWatches(): void {
    for (const watch of this.#watches) {
      watch.silent = true;
    }
  }

  sendBookmarks(): void {
    for (const watch of this.#watches) {
      if (watch.bookmarks) {
        const metadata = { name: "", resourceVersion: String(this.#store.version) };
        send(watch, "BOOKMARK", { apiVersion: watch.kind.apiVersion, kind: watch.kind.kind, metadata });
      }
    }
  }

  sendRaw(line: string): void {
    for (const watch of this.#watches) {
      watch.response.write(`${line}\n`);
    }
  }

  /** Settles when the next watch opens. */
  nextWatch(): Promise<void> {
    return new Promise((resolve) => this.#watchOpened.push(resolve));
  }

  // ---- HTTP ----

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    try {
      const url = new URL(request.url ?? "/", "http://server");
      const query = Object.fromEntries(url.searchParams);
      const text = await readAll(request);
      const body = text === "" ? undefined : (JSON.parse(text) as unknown);
      const contentType = request.headers["content-type"];
      const seen = { method: request.method ?? "GET", path: url.pathname, query, contentType, body };
      this.requests.push(seen);
      if (this.#answerWithFault(seen, response)) {
        return;
      }
      const route = this.#route(url.pathname);
      if (seen.method === "GET" && query.watch === "true") {
        this.#watch(route, seen, response);
      } else {
        const { code, answer } = this.#answer(route, seen);
        reply(response, code, answer);
      }
    } catch (error) {
      const refused = error instanceof RefusedError ? error : new RefusedError(500, "InternalError", String(error));
      reply(response, refused.code, statusOf(refused.code, refused.reason, refused.message));
    }
  }

  #answerWithFault({ method, path, query }: SeenRequest, response: http.ServerResponse): boolean {
    const isWatch = query.watch === "true";
    const found = this.#faults.find(
      ({ fault, left }) =>
        left > 0 &&
        (fault.method ?? method) === method &&
        (fault.path ?? /^/).test(path) &&
        (fault.watch ?? isWatch) === isWatch,
    );
    if (found === undefined) {
      return false;
    }
    found.left--;
    this.#faults = this.#faults.filter(({ left }) => left > 0);
    const { status, retryAfterSeconds } = found.fault;
    const headers = retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
    reply(response, status, statusOf(status, "Injected", "refused by the test"), headers);
    return true;
  }

  #route(path: string): Route {
    const match =
      /^\/(?:api\/(v1)|apis\/([^/]+\/[^/]+))(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+)(?:\/([^/]+))?)?$/.exec(
        path,
      );
    const [, core, group, namespace = "", plural, name, subresource] = match ?? [];
    const kind = this.#kinds.find((row) => row.apiVersion === (core ?? group) && row.plural === plural);
    if (kind === undefined) {
      throw new RefusedError(404, "NotFound", "the server could not find the requested resource");
    }
    return { kind, namespace: decodeURIComponent(namespace), name: name && decodeURIComponent(name), subresource };
  }

  #answer(route: Route, { method, query, contentType, body }: SeenRequest): { code: number; answer: unknown } {
    const { kind, namespace, name, subresource } = route;
    if (name === undefined) {
      return method === "POST"
        ? { code: 201, answer: this.#store.create(kind, namespace, body as KubernetesObject) }
        : { code: 200, answer: this.#page(route, query) };
    }
    const target = { kind, namespace, name };
    switch (method) {
      case "GET":
        return { code: 200, answer: this.#store.get(target) };
      case "PUT":
        return { code: 200, answer: this.#store.replace(target, body as KubernetesObject, subresource) };
      case "PATCH":
        return { code: 200, answer: this.#patch(target, subresource, { query, contentType, body }) };
      case "DELETE": {
        const { preconditions, propagationPolicy } = (body ?? {}) as {
          preconditions?: { uid?: string };
          propagationPolicy?: string;
        };
        this.#store.delete(target, { uid: preconditions?.uid, propagationPolicy });
        return { code: 200, answer: statusOf(200, "", "deleted") };
      }
      default:
        throw new RefusedError(405, "MethodNotAllowed", "the server does not allow this method");
    }
  }

  #patch(
    target: Target,
    subresource: string | undefined,
    { query, contentType, body }: Pick<SeenRequest, "query" | "contentType" | "body">,
  ): StoredObject {
    switch (contentType) {
      case "application/merge-patch+json":
        return this.#store.mergePatch(target, body as Record<string, unknown>, subresource);
      case "application/apply-patch+yaml": {
        const manager = query.fieldManager;
        if (manager === undefined) {
          throw new RefusedError(400, "BadRequest", "PatchOptions.fieldManager is required for apply patch");
        }
        return this.#store.apply(target, body as KubernetesObject, { manager, force: query.force === "true" });
      }
      default:
        throw new RefusedError(
          415,
          "UnsupportedMediaType",
          `the body of the request was in an unknown format: ${contentType}`,
        );
    }
  }

  /** List items come without apiVersion and kind, as from the real server. */
  #page({ kind, namespace }: Route, query: Readonly<Record<string, string>>): unknown {
    const matches = selectorOf(query.labelSelector);
    const limit = Number(query.limit ?? 0) || Number.POSITIVE_INFINITY;
    const [tokenVersion, start] = (query.continue ?? `${this.#store.version}:0`).split(":").map(Number);
    if (query.continue !== undefined && (tokenVersion ?? 0) < this.#firstValidToken) {
      throw new RefusedError(410, "Expired", "The provided continue parameter is too old");
    }
    const all = this.#store.list(kind, namespace).filter(matches);
    const from = start ?? 0;
    const items = all.slice(from, from + limit).map(({ apiVersion: _v, kind: _k, ...item }) => item);
    const token = from + limit < all.length ? { continue: `${tokenVersion}:${from + limit}` } : {};
    return {
      apiVersion: kind.apiVersion,
      kind: `${kind.kind}List`,
      metadata: { resourceVersion: String(tokenVersion), ...token },
      items,
    };
  }

  #watch({ kind, namespace }: Route, { query }: SeenRequest, response: http.ServerResponse): void {
    const from = Number(query.resourceVersion ?? this.#store.version);
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    const watch: OpenWatch = {
      collection: collectionOf(kind),
      namespace,
      kind,
      matches: selectorOf(query.labelSelector),
      response,
      bookmarks: query.allowWatchBookmarks === "true",
      silent: false,
    };
    const missed = this.#store.since(from);
    if (missed === undefined) {
      send(watch, "ERROR", statusOf(410, "Expired", `too old resource version: ${from}`));
      response.end();
      return;
    }
    this.#watches.add(watch);
    response.on("close", () => this.#watches.delete(watch));
    for (const entry of missed) {
      deliver(watch, entry);
    }
    const waiting = this.#watchOpened;
    this.#watchOpened = [];
    for (const resolve of waiting) {
      resolve();
    }
  }

  #broadcast(entry: HistoryEntry): void {
    for (const watch of this.#watches) {
      deliver(watch, entry);
    }
  }

  #kindOf({ apiVersion, kind }: KubernetesObject): FakeKind {
    const found = this.#kinds.find((row) => row.apiVersion === apiVersion && row.kind === kind);
    if (found === undefined) {
      throw new Error(`Fake API server: kind "${kind}" of "${apiVersion}" is not one of those it was given`);
    }
    return found;
  }

  #targetOf(object: KubernetesObject): Target {
    return { kind: this.#kindOf(object), namespace: object.metadata.namespace ?? "", name: object.metadata.name };
  }
}

/** To a watch with a selector, an object that stops matching is deleted, one that starts matching is added. */
function deliver(watch: OpenWatch, { collection, object, previous, type }: HistoryEntry): void {
  if (collection !== watch.collection || (watch.namespace !== "" && watch.namespace !== object.metadata.namespace)) {
    return;
  }
  const before = previous !== undefined && watch.matches(previous);
  const after = type !== "DELETED" && watch.matches(object);
  if (before && after) {
    send(watch, "MODIFIED", object);
  } else if (after) {
    send(watch, "ADDED", object);
  } else if (before) {
    send(watch, "DELETED", object);
  }
}

function send(watch: OpenWatch, type: string, object: unknown): void {
  if (!watch.silent) {
    watch.response.write(`${JSON.stringify({ type, object })}\n`);
  }
}

function selectorOf(selector: string | undefined): (object: StoredObject) => boolean {
  const wanted = (selector ?? "").split(",").filter((term) => term !== "");
  return ({ metadata }) =>
    wanted.every((term) => {
      const [key = "", value] = term.split("=");
      const actual = metadata.labels?.[key];
      return value === undefined ? actual !== undefined : actual === value;
    });
}

function statusOf(code: number, reason: string, message: string): unknown {
  const status = code < 300 ? "Success" : "Failure";
  return { apiVersion: "v1", kind: "Status", metadata: {}, status, code, reason, message };
}

function reply(
  response: http.ServerResponse,
  code: number,
  body: unknown,
  headers: http.OutgoingHttpHeaders = {},
): void {
  response.writeHead(code, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

async function readAll(request: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
