/**
 * Watches that no slot ever has two servers that take writes. All servers are asked, each from inside its own node, so that one
 * that is cut off is asked too. The answers of one round are some moments apart, and a slot may change hands between them: so who
 * took a write first is asked again after the others have.
 */
import { setTimeout as delay } from "node:timers/promises";
import { keySlot, SLOT_COUNT } from "@kvcluster/protocol/slots";
import { tryInside } from "./machine.ts";
import type { Server } from "./servers.ts";

const PROBES = 6;
const EVERY_MS = 1_000;

/** A key in each part of the slots. */
const KEYS: readonly string[] = Array.from({ length: PROBES }, (_, part) => {
  for (let number = 0; ; number += 1) {
    const key = Buffer.from(`probe:${number}`);
    if (Math.floor((keySlot(key, 0, key.length) * PROBES) / SLOT_COUNT) === part) return key.toString();
  }
});

export interface WriteWatch {
  /** Rounds in which somebody answered. */
  readonly rounds: () => number;
  readonly violations: readonly string[];
  stop(): Promise<void>;
}

export interface WatchDependencies {
  readonly password: string;
  /** As far as they are known at the moment. */
  readonly servers: () => readonly Server[];
}

export function watchWrites(dependencies: WatchDependencies): WriteWatch {
  const violations: string[] = [];
  let rounds = 0;
  let isStopped = false;
  const watching = (async () => {
    while (!isStopped) {
      const answers = await askAll(dependencies.servers(), KEYS, dependencies.password);
      if (answers.some(({ taken }) => taken.size > 0)) rounds += 1;
      violations.push(...(await contradictions(answers, dependencies.password)));
      await delay(EVERY_MS);
    }
  })();
  return {
    rounds: () => rounds,
    violations,
    stop: async () => {
      isStopped = true;
      await watching;
    },
  };
}

interface Answer {
  readonly server: Server;
  /** Keys that it took a write of. */
  readonly taken: ReadonlySet<string>;
}

async function contradictions(answers: readonly Answer[], password: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const key of KEYS) {
    const takers = answers.filter(({ taken }) => taken.has(key)).map(({ server }) => server);
    if (takers.length < 2) continue;
    const still = (await askAll(takers, [key], password)).filter(({ taken }) => taken.has(key));
    if (still.length < 2) continue;
    const names = still.map(({ server }) => `${server.pod} (${server.address} on ${server.machine})`);
    found.push(`${new Date().toISOString()} ${names.join(" and ")} both take writes of key "${key}"`);
  }
  return found;
}

/** One node after another, so that the order of answers is that of the list. */
async function askAll(
  servers: readonly Server[],
  keys: readonly string[],
  password: string,
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (const machine of new Set(servers.map((server) => server.machine))) {
    if (machine === "") continue;
    const here = servers.filter((server) => server.machine === machine && server.address !== "");
    const text = await ask(machine, here, keys, password);
    for (const server of here) answers.push({ server, taken: takenFrom(text, server, keys) });
  }
  return answers;
}

/** What redis-cli printed for each server, after a line with its address. A machine that is down prints nothing. */
async function ask(machine: string, servers: readonly Server[], keys: readonly string[], password: string) {
  const commands = keys.map((key) => `SET ${key} 1`).join("\\n");
  const addresses = servers.map(({ address }) => address).join(" ");
  const program = `for ip in ${addresses}; do echo "@$ip"; printf '${commands}\\n' | timeout 1 redis-cli -h $ip 2>&1; done; true`;
  const { stdout } = await tryInside(machine, "env", `REDISCLI_AUTH=${password}`, "sh", "-c", program);
  return stdout;
}

function takenFrom(text: string, server: Server, keys: readonly string[]): ReadonlySet<string> {
  const part = text.split("@").find((one) => one.startsWith(`${server.address}\n`)) ?? "";
  const replies = part
    .split("\n")
    .slice(1)
    .filter((line) => line !== "");
  return new Set(keys.filter((_, i) => replies[i] === "OK"));
}
