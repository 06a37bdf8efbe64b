import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { KubeClient } from "../kube/client.ts";
import { type HttpTransport, httpTransport } from "../kube/http-transport.ts";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import { type EventNote, EventRecorder } from "./event-recorder.ts";
import { FakeApiServer } from "./fake-api-server.ts";
import { silentLogger } from "./logger.ts";
import { ManualClock } from "./manual-clock.ts";

interface EventObject extends KubernetesObject {
  readonly note: string;
  readonly series?: { readonly count: number };
}

const regarding: KubernetesObject = {
  apiVersion: "kvcluster.dev/v1alpha1",
  kind: "KVCluster",
  metadata: { namespace: "default", name: "demo", uid: "uid-1" },
};
const ready: EventNote = {
  regarding,
  type: "Normal",
  reason: "Ready",
  action: "Reconcile",
  note: "All shards are ready",
};

let server: FakeApiServer;
let transport: HttpTransport;
let clock: ManualClock;
let recorder: EventRecorder;
let dropped: string[];

const events = () => server.list<EventObject>(RESOURCE_KINDS.Event, "default");

beforeEach(async () => {
  server = new FakeApiServer({ kinds: [RESOURCE_KINDS.Event] });
  await server.start();
  clock = new ManualClock();
  transport = httpTransport({ url: server.url, requestOptions: async () => ({}) }, clock);
  const client = new KubeClient(transport);
  dropped = [];
  recorder = new EventRecorder(
    { reportingController: "kvcluster.dev/operator", reportingInstance: "pod-1" },
    {
      port: { create: (event) => client.create(event), patch: (event, patch) => client.mergePatch(event, patch) },
      clock,
      random: () => 0,
      log: { ...silentLogger, warn: (message) => dropped.push(message) },
    },
  );
});

afterEach(async () => {
  await recorder.stop();
  transport.close();
  await server.stop();
});

describe("an event", () => {
  it("is written as events.k8s.io/v1 with all that the API demands", async () => {
    recorder.record(ready);
    await recorder.flush();
    expect(events()).toHaveLength(1);
    expect(events()[0]).toMatchObject({
      apiVersion: "events.k8s.io/v1",
      metadata: { namespace: "default", name: expect.stringMatching(/^demo\.[0-9a-f]{12}\./) },
      eventTime: expect.stringMatching(/\.\d{6}Z$/),
      reportingController: "kvcluster.dev/operator",
      reportingInstance: "pod-1",
      regarding: { kind: "KVCluster", name: "demo", namespace: "default", uid: "uid-1" },
      type: "Normal",
      reason: "Ready",
      action: "Reconcile",
      note: "All shards are ready",
    });
  });

  it("that repeats becomes a series, written at the second time and then once a minute", async () => {
    for (let second = 0; second < 130; second++) {
      recorder.record(ready);
      await recorder.flush();
      await clock.advance(1_000);
    }
    expect(events()).toHaveLength(1);
    expect(events()[0]?.series?.count).toBe(122);
    expect(server.writes).toHaveLength(4);
  });

  it("is a new one after a long silence, and when its note differs", async () => {
    recorder.record(ready);
    recorder.record({ ...ready, note: "5 of 6 servers are ready" });
    await clock.advance(400_000);
    recorder.record(ready);
    await recorder.flush();
    expect(events()).toHaveLength(3);
  });

  it("is cut to the length the API takes, counted in bytes", async () => {
    recorder.record({ ...ready, note: "ü".repeat(2_000) });
    await recorder.flush();
    const note = events()[0]?.note ?? "";
    expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1_024);
    expect(note).toMatch(/^ü+…$/);
  });

  it("is tried again when the server is busy", async () => {
    server.refuse({ status: 429, retryAfterSeconds: 5 });
    recorder.record(ready);
    await vi.waitFor(() => expect(clock.nextInMs).toBe(5_000), { interval: 2 });
    await clock.advance(5_000);
    await recorder.flush();
    expect(events()).toHaveLength(1);
  });

  it("is dropped when it is refused, and the next one goes through", async () => {
    server.refuse({ status: 403 });
    recorder.record(ready);
    recorder.record({ ...ready, note: "Another" });
    await recorder.flush();
    expect(events().map(({ note }) => note)).toEqual(["Another"]);
    expect(dropped).toEqual(["Dropped an event"]);
  });

  it("never makes the queue grow without bound", async () => {
    for (let index = 0; index < 400; index++) {
      recorder.record({ ...ready, note: `note ${index}` });
    }
    await recorder.flush();
    expect(events().length).toBeLessThanOrEqual(257);
    expect(dropped.length + events().length).toBe(400);
  });
});
