/** A replica that takes less than comes, after its full sync. */

import { beforeEach, describe, expect, test } from "vitest";
import { ReplicaStage, SELECT } from "./replica-stage.ts";

let stage: ReplicaStage;
beforeEach(() => {
  stage = new ReplicaStage();
});

describe("a replica that is slower than the stream", () => {
  test("is given it from the backlog, and follows again when it has caught up", async () => {
    const { peer } = stage.startSync(1);
    stage.finishSnapshot(peer);
    stage.readAll(peer);
    peer.taken = "";
    let expected = "";
    for (let k = 0; k < 40; k++) {
      const letter = String.fromCharCode(97 + (k % 26));
      await stage.change(1000, letter);
      expected += letter.repeat(1000);
      expect(peer.waitingBytes).toBeLessThanOrEqual(stage.settings.highWaterBytes + 1100);
    }
    expect(stage.replicas.waitingBytes).toBeGreaterThan(30_000);
    expect(stage.readAll(peer)).toBe(SELECT + expected);
    expect(stage.replicas.waitingBytes).toBe(0);
    await stage.change(10, "+");
    expect(peer.take()).toBe("++++++++++");
  });

  test("is parted with if it lacks too much, and waits longer each time though it has synchronized between", async () => {
    for (const waitSeconds of [10, 20]) {
      const { peer } = stage.startSync(1);
      stage.finishSnapshot(peer);
      expect(peer.isDestroyed).toBe(false);
      for (let k = 0; k < 60 && !peer.isDestroyed; k++) await stage.change(1000);
      expect(peer.isDestroyed).toBe(true);
      expect(stage.warnings.at(-1)).toMatch(
        new RegExp(`\\(online\\): it is slower than the stream.*\\(50000 bytes\\).*again in ${waitSeconds} s`),
      );
      stage.clock.advance(waitSeconds * 1000);
    }
    expect(stage.warnings).toHaveLength(2);
  });
});
