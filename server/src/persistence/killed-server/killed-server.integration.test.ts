/** Some kills with little data; killed-server.fuzz.ts makes many with much. */

import { expect, test } from "vitest";
import { seedOf } from "../../testing/differential.ts";
import { killAgainAndAgain } from "./append-only-kills.ts";
import { killWhileSaving } from "./snapshot-kills.ts";

const SIZE = { keys: 2000, elements: 2000 };
const KILLS = 4;
/** Each life starts a process. */
const TIMEOUT_MS = 60_000;

test.each(["always", "everysec", "no"] as const)(
  "kills under %s take nothing back that was promised",
  async (policy) => {
    const report = await killAgainAndAgain({ seed: seedOf(3), kills: KILLS, policy, size: SIZE });
    expect(report.acknowledged).toBeGreaterThan(100);
  },
  TIMEOUT_MS,
);

test(
  "kills of a server with snapshots only leave one of them",
  async () => {
    const report = await killWhileSaving({ seed: seedOf(4), kills: KILLS, size: SIZE });
    expect(report.acknowledged).toBeGreaterThan(100);
  },
  TIMEOUT_MS,
);
