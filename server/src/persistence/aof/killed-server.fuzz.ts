import { expect, test } from "vitest";
import { killAgainAndAgain } from "./killed-server.ts";

const SEED = Number(process.env.SEED || Date.now() % 1_000_000_000);
const KILLS = Math.min(2000, Number(process.env.CALLS || 200));

test.each(["always", "everysec"] as const)(
  `${KILLS} kills under %s from seed ${SEED} take nothing back that was promised`,
  async (policy) => {
    const { kills, acknowledged, rewrites } = await killAgainAndAgain({ seed: SEED, kills: KILLS, policy });
    process.stdout.write(
      `${policy}: ${kills} kills, ${acknowledged} acknowledged transactions, ${rewrites} rewrites, seed ${SEED}\n`,
    );
    expect(acknowledged).toBeGreaterThan(KILLS);
  },
);
