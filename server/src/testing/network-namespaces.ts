/**
 * Linux network namespaces as the machines of a test: each has an address on a common network, which can be split in two, and
 * one where the test itself always reaches it. Names of hosts are looked up in one file that all of them see as /etc/hosts.
 * The test's own process stands on the common network, on the side that stays when it is split.
 *
 * Each network is a bridge in the test's own namespace; a machine that is split off has its port moved to another bridge, so
 * what is sent to it gets lost without anybody being told.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createSystemRandom, type Random } from "../platform/random.ts";
import type { Place } from "./fleet.ts";

/** Networks for measurements (RFC 2544), which nobody else uses: the second number of 198.x is one of these. */
const COMMON = 18;
const OBSERVED = 19;
const SUBNETS = 256;
const OWN_HOST = 254;
const PORT = 7000;

/** Why no network namespaces can be made here; undefined if they can. */
function namespaceObstacle(): string | undefined {
  const name = `kvk-probe-${process.pid}`;
  const obstacle = failureOf("netns", "add", name);
  if (obstacle !== undefined) return obstacle;
  const unusable = failureOf("netns", "exec", name, "true");
  return failureOf("netns", "delete", name) ?? unusable;
}

function failureOf(...args: readonly string[]): string | undefined {
  const { status, error, stderr } = spawnSync("ip", args, { encoding: "utf8" });
  if (status === 0) return undefined;
  return `"ip ${args.join(" ")}" failed: ${error?.message ?? stderr.trim()}`;
}

/** Skips the test, and says why, where no network namespaces can be made: nobody is to take it for one that ran. */
export function needNamespaces(skip: (note: string) => never): void {
  const obstacle = namespaceObstacle();
  if (obstacle === undefined) return;
  process.stderr.write(`SKIPPED, network namespaces cannot be made here: ${obstacle}\n`);
  skip(obstacle);
}

function nameOf(subnet: number): string {
  return `kvk${subnet}`;
}

/** One that no other test has: whose first bridge can be made. */
function takeSubnet(random: Random): number {
  for (let attempt = 0; attempt < SUBNETS; attempt++) {
    const subnet = random.below(SUBNETS);
    const { status } = spawnSync("ip", ["link", "add", `${nameOf(subnet)}a`, "type", "bridge"], { stdio: "ignore" });
    if (status === 0) return subnet;
  }
  throw new Error("No network is free");
}

export class NamespaceNetwork {
  readonly #name: string;
  readonly #subnet: number;
  readonly #size: number;
  readonly #directory = mkdtempSync(path.join(tmpdir(), "kv-network-"));
  /** Of each machine: its number in the common network. */
  #numbers: number[];

  constructor(size: number) {
    this.#subnet = takeSubnet(createSystemRandom());
    this.#name = nameOf(this.#subnet);
    this.#size = size;
    this.#numbers = Array.from({ length: size }, (_, n) => n + 1);
    try {
      this.#build();
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  places(directives: (index: number) => readonly string[]): Place[] {
    return this.#numbers.map((_, index) => this.#place(index, directives(index)));
  }

  hostname(index: number): string {
    return `node-${index}.example`;
  }

  /** These machines reach each other and nobody else, until `heal`. */
  isolate(indices: readonly number[]): void {
    this.#batch(indices.map((index) => `link set ${this.#port(index, "c")} master ${this.#name}b`));
  }

  heal(): void {
    this.#batch(this.#numbers.map((_, index) => `link set ${this.#port(index, "c")} master ${this.#name}a`));
  }

  /** Gives the machines other numbers in the common network; whoever is asked for their names knows only after `publish`. */
  readdress(numbers: readonly number[]): void {
    for (const index of this.#numbers.keys()) {
      this.#inside(index, `address del ${this.#address(index)}/24 dev c`);
    }
    this.#numbers = [...numbers];
    for (const index of this.#numbers.keys()) {
      this.#inside(index, `address add ${this.#address(index)}/24 dev c`, "neigh flush all");
    }
    this.#batch([`neigh flush dev ${this.#name}a`]);
  }

  get numbers(): readonly number[] {
    return this.#numbers;
  }

  /** The addresses that names have now. In place: each machine has this very file mounted. */
  publish(): void {
    const lines = this.#numbers.map((_, index) => `${this.#address(index)} ${this.hostname(index)}`);
    writeFileSync(this.#hostsFile, `127.0.0.1 localhost\n${lines.join("\n")}\n`);
  }

  remove(): void {
    for (const index of this.#numbers.keys()) spawnSync("ip", ["netns", "delete", this.#machine(index)]);
    for (const bridge of ["a", "b", "o"]) spawnSync("ip", ["link", "delete", this.#name + bridge]);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #build(): void {
    const name = this.#name;
    this.#batch([
      ...["b", "o"].map((bridge) => `link add ${name}${bridge} type bridge`),
      // Else a bridge takes its address from its ports, and changes it with them.
      ...["a", "b", "o"].map((bridge, n) => `link set ${name}${bridge} address 02:00:00:00:00:0${n} up`),
      `address add 198.${COMMON}.${this.#subnet}.${OWN_HOST}/24 dev ${name}a`,
      `address add 198.${OBSERVED}.${this.#subnet}.${OWN_HOST}/24 dev ${name}o`,
    ]);
    for (let index = 0; index < this.#size; index++) this.#addMachine(index);
    this.publish();
  }

  #addMachine(index: number): void {
    const machine = this.#machine(index);
    const ports = (["c", "o"] as const).map((end) => [end, this.#port(index, end)] as const);
    this.#batch([
      `netns add ${machine}`,
      ...ports.flatMap(([end, port]) => [
        `link add ${port} type veth peer name ${end} netns ${machine}`,
        `link set ${port} master ${this.#name}${end === "c" ? "a" : "o"}`,
        `link set ${port} up`,
      ]),
    ]);
    this.#inside(
      index,
      ...["lo", "c", "o"].map((link) => `link set ${link} up`),
      `address add ${this.#address(index)}/24 dev c`,
      `address add ${this.#observed(index)}/24 dev o`,
    );
  }

  #place(index: number, directives: readonly string[]): Place {
    const network = this;
    const mountNames = `mount --bind ${this.#hostsFile} /etc/hosts && exec "$0" "$@"`;
    return {
      get address() {
        return { host: network.#address(index), port: PORT };
      },
      observer: { host: this.#observed(index), port: PORT },
      // Each `ip netns exec` has mounts of its own.
      launcher: ["ip", "netns", "exec", this.#machine(index), "sh", "-c", mountNames],
      directives: ["--bind", "0.0.0.0", "--protected-mode", "no", ...directives],
    };
  }

  get #hostsFile(): string {
    return path.join(this.#directory, "hosts");
  }

  #machine(index: number): string {
    return `${this.#name}-${index}`;
  }

  /** The end of a machine's link that stays in our namespace. */
  #port(index: number, end: "c" | "o"): string {
    return `${this.#name}-${end}${index}`;
  }

  #address(index: number): string {
    return `198.${COMMON}.${this.#subnet}.${this.#numbers[index]}`;
  }

  #observed(index: number): string {
    return `198.${OBSERVED}.${this.#subnet}.${index + 1}`;
  }

  #inside(index: number, ...lines: readonly string[]): void {
    this.#batch(lines, ["-netns", this.#machine(index)]);
  }

  #batch(lines: readonly string[], options: readonly string[] = []): void {
    execFileSync("ip", [...options, "-batch", "-"], { input: `${lines.join("\n")}\n` });
  }
}
