// The reflector over real HTTP against the fake API server: each of the ways in which published clients were seen to go
// blind or to stop. Time is manual; only the sockets are real.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { KubeClient } from "../kube/client.ts";
import { type HttpTransport, httpTransport } from "../kube/http-transport.ts";
import { listWatch } from "../kube/list-watch.ts";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import { Cache } from "./cache.ts";
import { FakeApiServer } from "./fake-api-server.ts";
import { type LogFields, type Logger, silentLogger } from "./logger.ts";
import { ManualClock, settle } from "./manual-clock.ts";
import { Reflector } from "./reflector.ts";

const KIND = RESOURCE_KINDS.ConfigMap;
const SELECTOR = "app.kubernetes.io/managed-by=kvcluster-operator";
const LABELS = { "app.kubernetes.io/managed-by": "kvcluster-operator" };
const MINUTE = 60_000;

let server: FakeApiServer;
let clock: ManualClock;
let transport: HttpTransport;
let cache: Cache;
let reflector: Reflector;
let subscriberErrors: unknown[];
let warnings: LogFields[];

const configMap = (name: string, labels: Record<string, string> = LABELS): KubernetesObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { namespace: "default", name, labels },
});

const names = () => cache.list().map(({ metadata }) => metadata.name);
const lists = () => server.requests.filter(({ query }) => query.watch !== "true");
const watches = () => server.requests.filter(({ query }) => query.watch === "true");
const lastDelay = () => warnings.at(-1)?.retryInMs as number;
const eventually = (check: () => void) => vi.waitFor(check, { interval: 2, timeout: 5_000 });

async function start(): Promise<void> {
  reflector.start();
  await reflector.whenSynced;
  await eventually(() => expect(server.openWatches).toBe(1));
}

beforeEach(async () => {
  server = new FakeApiServer({ kinds: Object.values(RESOURCE_KINDS) });
  await server.start();
  clock = new ManualClock();
  transport = httpTransport({ url: server.url, requestOptions: async () => ({}) }, clock);
  subscriberErrors = [];
  warnings = [];
  cache = new Cache((error) => subscriberErrors.push(error));
  const log: Logger = { ...silentLogger, warn: (_message, fields = {}) => warnings.push(fields) };
  const client = new KubeClient(transport);
  const source = listWatch(KIND, { labelSelector: SELECTOR }, { client, transport });
  reflector = new Reflector({ source, cache, clock, random: () => 0.5, log });
});

afterEach(async () => {
  await reflector.stop();
  transport.close();
  await server.stop();
});

describe("a reflector's list", () => {
  it("comes in pages and ends up whole in the cache", async () => {
    for (let index = 0; index < 1_100; index++) {
      server.seed(configMap(`map-${index}`));
    }
    await start();
    expect(cache.size).toBe(1_100);
    expect(lists().map(({ query }) => query.limit)).toEqual(["500", "500", "500"]);
  });

  it("starts over when the continue token ran out half-way", async () => {
    for (let index = 0; index < 600; index++) {
      server.seed(configMap(`map-${index}`));
    }
    server.refuse({ status: 410, path: /configmaps/, watch: false });
    reflector.start();
    await eventually(() => expect(warnings).toHaveLength(1));
    await clock.advance(1_000);
    await reflector.whenSynced;
    expect(cache.size).toBe(600);
  });

  it("is tried again after failures, for ever and with growing, bounded delays", async () => {
    server.refuse({ status: 500, watch: false, times: 12 });
    reflector.start();
    for (let attempt = 1; attempt <= 12; attempt++) {
      await eventually(() => expect(warnings).toHaveLength(attempt));
      await clock.advance(lastDelay());
    }
    await reflector.whenSynced;
    const delays = warnings.map(({ retryInMs }) => retryInMs as number);
    expect(delays[0]).toBeLessThan(300);
    expect(delays[11]).toBeGreaterThan(20_000);
    expect(Math.max(...delays)).toBeLessThanOrEqual(30_000);
  });

  it("gives items their apiVersion and kind, which the server leaves out", async () => {
    server.seed(configMap("a"));
    await start();
    expect(cache.list()[0]).toMatchObject({ apiVersion: "v1", kind: "ConfigMap" });
  });

  it("does not keep managedFields, neither from the list nor from the watch", async () => {
    const bulky = (name: string): KubernetesObject => {
      const metadata = { namespace: "default", name, labels: LABELS, managedFields: [{ manager: "someone" }] };
      return { apiVersion: "v1", kind: "ConfigMap", metadata };
    };
    server.seed(bulky("listed"));
    await start();
    server.seed(bulky("watched"));
    await eventually(() => expect(names()).toEqual(["listed", "watched"]));
    expect(cache.list().filter(({ metadata }) => "managedFields" in metadata)).toEqual([]);
  });

  it("carries the same selector as the watch", async () => {
    server.seed(configMap("ours"));
    server.seed(configMap("theirs", {}));
    await start();
    server.seed(configMap("ours-too"));
    server.seed(configMap("theirs-too", {}));
    await eventually(() => expect(names()).toEqual(["ours", "ours-too"]));
    expect(server.requests.map(({ query }) => query.labelSelector)).toEqual([SELECTOR, SELECTOR]);
  });
});

describe("a reflector's watch", () => {
  it("asks for bookmarks and for an end after about five minutes", async () => {
    await start();
    const [watch] = watches();
    expect(watch?.query).toMatchObject({ allowWatchBookmarks: "true", timeoutSeconds: "300" });
  });

  it("follows objects that come, change, go, and leave the selection", async () => {
    const a = server.seed(configMap("a"));
    const b = server.seed(configMap("b"));
    await start();
    server.change(a, { data: { key: "value" } });
    server.change(b, { metadata: { labels: { "app.kubernetes.io/managed-by": "someone" } } });
    server.seed(configMap("c"));
    await eventually(() => expect(names()).toEqual(["a", "c"]));
    expect(cache.get({ namespace: "default", name: "a" })).toMatchObject({ data: { key: "value" } });
    server.remove(a);
    await eventually(() => expect(names()).toEqual(["c"]));
  });

  it("is back at once each time the server ends a quiet one", async () => {
    await start();
    for (let round = 1; round <= 5; round++) {
      await clock.advance(5 * MINUTE);
      const opened = server.nextWatch();
      server.closeWatches();
      await opened;
      expect(watches()).toHaveLength(round + 1);
    }
    expect(warnings).toEqual([]);
  });

  it("backs off when it ends at once, again and again", async () => {
    await start();
    for (let round = 1; round <= 4; round++) {
      server.closeWatches();
      await eventually(() => expect(warnings).toHaveLength(round));
      const opened = server.nextWatch();
      await clock.advance(lastDelay());
      await opened;
    }
    const delays = warnings.map(({ retryInMs }) => retryInMs as number);
    expect(delays).toEqual([...delays].sort((a, b) => a - b));
    expect(delays[3]).toBeGreaterThan(4 * (delays[0] ?? 0));
  });

  it("survives being refused for throttling and waits as long as the server asked", async () => {
    await start();
    server.refuse({ status: 429, watch: true, retryAfterSeconds: 7, times: 3 });
    server.breakWatches();
    await eventually(() => expect(warnings).toHaveLength(1));
    await clock.advance(lastDelay());
    for (let refused = 2; refused <= 4; refused++) {
      await eventually(() => expect(warnings).toHaveLength(refused));
      const before = watches().length;
      await clock.advance(6_999);
      expect(watches()).toHaveLength(before);
      await clock.advance(1);
    }
    await eventually(() => expect(server.openWatches).toBe(1));
    server.seed(configMap("seen"));
    await eventually(() => expect(names()).toEqual(["seen"]));
  });

  it("misses nothing while its connection is broken", async () => {
    await start();
    server.breakWatches();
    server.seed(configMap("meanwhile"));
    await eventually(() => expect(warnings).toHaveLength(1));
    await clock.advance(1_000);
    await eventually(() => expect(names()).toEqual(["meanwhile"]));
    expect(lists()).toHaveLength(1);
  });

  it("lists again after 410 Gone and drops what was deleted unseen", async () => {
    const lost = server.seed(configMap("lost"));
    server.seed(configMap("kept"));
    await start();
    server.breakWatches();
    server.remove(lost);
    server.compact();
    await eventually(() => expect(warnings).toHaveLength(1));
    await clock.advance(1_000);
    await eventually(() => expect(warnings).toHaveLength(2));
    await clock.advance(1_000);
    await eventually(() => expect(names()).toEqual(["kept"]));
    expect(lists()).toHaveLength(2);
  });

  it("goes on from a bookmark where its last event would be too old", async () => {
    await start();
    server.seed(configMap("unselected", {}));
    server.sendBookmarks();
    server.compact();
    const sent = String(server.resourceVersion);
    await eventually(() => {
      server.closeWatches();
      expect(watches().at(-1)?.query.resourceVersion).toBe(sent);
    });
    expect(lists()).toHaveLength(1);
  });

  it("is given up when it says nothing beyond the time the server should have ended it", async () => {
    await start();
    server.silenceWatches();
    server.seed(configMap("unheard"));
    await clock.advance(5 * MINUTE);
    await settle();
    expect(names()).toEqual([]);
    await clock.advance(MINUTE);
    await eventually(() => expect(names()).toEqual(["unheard"]));
  });

  it("is kept open by bookmarks", async () => {
    await start();
    for (let minute = 0; minute < 9; minute++) {
      await clock.advance(MINUTE);
      const before = reflector.lastContactMs;
      server.sendBookmarks();
      await eventually(() => expect(reflector.lastContactMs).toBe((before ?? 0) + MINUTE));
    }
    expect(watches()).toHaveLength(1);
  });

  it("goes on after a line that is no JSON, with a new connection", async () => {
    await start();
    server.sendRaw("{half a li");
    await eventually(() => expect(warnings).toHaveLength(1));
    await clock.advance(1_000);
    server.seed(configMap("after"));
    await eventually(() => expect(names()).toEqual(["after"]));
  });

  it("is followed by a new list every ten minutes", async () => {
    await start();
    await clock.advance(5 * MINUTE);
    server.sendBookmarks();
    await eventually(() => expect(reflector.lastContactMs).toBe(clock.now()));
    await clock.advance(5 * MINUTE);
    server.closeWatches();
    await eventually(() => expect(lists()).toHaveLength(2));
  });
});

describe("a subscriber's error", () => {
  it("is reported and stops neither the events nor the other subscribers", async () => {
    const heard: string[] = [];
    cache.subscribe(() => {
      throw new Error("broken subscriber");
    });
    cache.subscribe(({ object }) => heard.push(object.metadata.name));
    await start();
    server.seed(configMap("one"));
    server.seed(configMap("two"));
    await eventually(() => expect(heard).toEqual(["one", "two"]));
    expect(subscriberErrors).toHaveLength(2);
    expect(watches()).toHaveLength(1);
  });
});

describe("a stopped reflector", () => {
  it("ends its watch and leaves no timer", async () => {
    await start();
    await reflector.stop();
    await eventually(() => expect(server.openWatches).toBe(0));
    expect(clock.pending).toBe(0);
  });

  it("ends while it waits to try again", async () => {
    server.refuse({ status: 500, times: 100 });
    reflector.start();
    await eventually(() => expect(warnings).toHaveLength(1));
    await reflector.stop();
    expect(clock.pending).toBe(0);
  });
});
