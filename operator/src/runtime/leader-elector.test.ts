import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { KubeClient } from "../kube/client.ts";
import { type HttpTransport, httpTransport } from "../kube/http-transport.ts";
import { leaseStore } from "../kube/lease-store.ts";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import { FakeApiServer } from "./fake-api-server.ts";
import { LeaderElector, type LeaseSpec, microTime } from "./leader-elector.ts";
import { silentLogger } from "./logger.ts";
import { ManualClock, settle } from "./manual-clock.ts";

const NAME = { namespace: "system", name: "kv-operator" };

let server: FakeApiServer;
let clock: ManualClock;
let events: string[];
let unanswered: number;
const cleanups: (() => Promise<void> | void)[] = [];

const lease = () => server.find<KubernetesObject & { spec: LeaseSpec }>(RESOURCE_KINDS.Lease, "system", "kv-operator");
const eventually = (check: () => void) => vi.waitFor(check, { interval: 2, timeout: 5_000 });

function candidate(identity: string): LeaderElector {
  const transport = counted(httpTransport({ url: server.url, requestOptions: async () => ({}) }, clock));
  const elector = new LeaderElector(
    { identity },
    {
      store: leaseStore(new KubeClient(transport), NAME),
      clock,
      random: () => 0,
      log: silentLogger,
      onElected: () => events.push(`${identity} elected`),
      onLost: () => events.push(`${identity} lost`),
    },
  );
  cleanups.push(async () => {
    await elector.stop();
    transport.close();
  });
  elector.start();
  return elector;
}

/** Knows of every request that is not answered yet: time must not run ahead of the network. */
function counted(transport: HttpTransport): HttpTransport {
  return {
    ...transport,
    request: async (request) => {
      unanswered++;
      try {
        return await transport.request(request);
      } finally {
        unanswered--;
      }
    },
  };
}

async function pass(durationMs: number): Promise<void> {
  for (let passed = 0; passed < durationMs; passed += 500) {
    await clock.advance(500);
    do {
      await eventually(() => expect(unanswered).toBe(0));
      await settle();
    } while (unanswered > 0);
  }
}

beforeEach(async () => {
  server = new FakeApiServer({ kinds: [RESOURCE_KINDS.Lease] });
  await server.start();
  clock = new ManualClock();
  events = [];
  unanswered = 0;
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
  await server.stop();
});

describe("leader election", () => {
  it("makes the first candidate leader, with times of six digits in the lease", async () => {
    candidate("a");
    await eventually(() => expect(events).toEqual(["a elected"]));
    expect(lease()?.spec).toMatchObject({
      holderIdentity: "a",
      leaseDurationSeconds: 15,
      leaseTransitions: 0,
      renewTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
    });
  });

  it("lets one of two candidates lead, and the other wait while the lease is renewed", async () => {
    candidate("a");
    await eventually(() => expect(events).toEqual(["a elected"]));
    const second = candidate("b");
    await pass(60_000);
    expect(events).toEqual(["a elected"]);
    expect(second.isLeader).toBe(false);
  });

  it("gives the lease back on stop, so the next candidate leads within its retry period", async () => {
    const first = candidate("a");
    await eventually(() => expect(events).toEqual(["a elected"]));
    candidate("b");
    await first.stop();
    expect(lease()?.spec.holderIdentity).toBe("");
    await pass(2_500);
    await eventually(() => expect(events).toEqual(["a elected", "b elected"]));
    expect(lease()?.spec).toMatchObject({ holderIdentity: "b", leaseTransitions: 1 });
  });

  it("takes a lease over only after it did not change for its whole duration on our clock", async () => {
    const renewTime = microTime(clock.now() - 3_600_000);
    server.seed({
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: NAME,
      spec: { holderIdentity: "dead", leaseDurationSeconds: 15, renewTime },
    } as KubernetesObject);
    candidate("b");
    await pass(14_000);
    expect(events).toEqual([]);
    await pass(4_000);
    await eventually(() => expect(events).toEqual(["b elected"]));
  });

  it("ends a leadership that could not be renewed before anyone else can begin one", async () => {
    const first = candidate("a");
    await eventually(() => expect(events).toEqual(["a elected"]));
    const electedAt = clock.now();
    server.refuse({ status: 500, path: /leases/, times: 1_000 });
    await pass(9_000);
    expect(first.isLeader).toBe(true);
    await pass(2_000);
    expect(events).toEqual(["a elected", "a lost"]);
    expect(first.isLeader).toBe(false);
    expect(clock.now() - electedAt).toBeLessThan(15_000);
  });

  it("ends a leadership whose lease another one holds", async () => {
    candidate("a");
    await eventually(() => expect(events).toEqual(["a elected"]));
    const live = lease();
    expect(live).toBeDefined();
    server.change(live as KubernetesObject, { spec: { holderIdentity: "b" } });
    await pass(2_000);
    await eventually(() => expect(events).toEqual(["a elected", "a lost"]));
  });

  it("lets only one win when two create the lease at once", async () => {
    candidate("a");
    candidate("b");
    await eventually(() => expect(events).toHaveLength(1));
    await pass(6_000);
    expect(events).toHaveLength(1);
    expect(events).toEqual([`${lease()?.spec.holderIdentity} elected`]);
  });
});
