import { expect, test } from "vitest";
import { killAgainAndAgain } from "./append-only-kills.ts";
import type { Hits } from "./lives.ts";
import { killWhileSaving } from "./snapshot-kills.ts";

const SEED = Number(process.env.SEED || Date.now() % 1_000_000_000);
const KILLS = Math.min(2000, Number(process.env.CALLS || 200));
/** 200,000 small keys and eight large values, so that saving them takes a while. */
const SIZE = { keys: 25_000, elements: 25_000 };

const hitsOf = ({ load, save, rewrite, block, shutdown, halfFiles }: Hits): string =>
  `in the middle of ${load} loads, ${save} BGSAVEs, ${rewrite} rewrites, ${block} blocks, ${shutdown} shutdowns (${halfFiles} files half written)`;

test.each(["always", "everysec", "no"] as const)(
  `${KILLS} kills under %s from seed ${SEED} take nothing back that was promised`,
  async (policy) => {
    const { kills, acknowledged, hits } = await killAgainAndAgain({ seed: SEED, kills: KILLS, policy, size: SIZE });
    process.stdout.write(
      `${policy}: ${kills} kills ${hitsOf(hits)}, ${acknowledged} acknowledged transactions, seed ${SEED}\n`,
    );
    expect(acknowledged).toBeGreaterThan(KILLS);
    if (KILLS >= 100) for (const count of Object.values(hits)) expect(count).toBeGreaterThan(0);
  },
);

test(`${KILLS} kills of a server with snapshots only, from seed ${SEED}, leave one of them`, async () => {
  const { kills, acknowledged, hits, advances } = await killWhileSaving({ seed: SEED, kills: KILLS, size: SIZE });
  process.stdout.write(
    `snapshots only: ${kills} kills ${hitsOf(hits)}, ${advances} times a newer snapshot, ${acknowledged} acknowledged transactions, seed ${SEED}\n`,
  );
  expect(advances).toBeGreaterThan(0);
  if (KILLS >= 100) {
    const { load, save, shutdown, halfFiles } = hits;
    expect(Math.min(load, save, shutdown, halfFiles)).toBeGreaterThan(0);
  }
});
