/**
 * kv-handover: run in the place of a server that is about to be stopped, before it is told so (in Kubernetes: the pod's
 * preStop hook). Prints what came of it, and always ends well: stopping goes on whatever happens here.
 */

import fs from "node:fs";
import { parseArgs } from "node:util";
import type { TlsFiles } from "./backup/outside-socket.ts";
import { TLS_FLAG, tlsFiles } from "./backup/tls-options.ts";
import { handOver } from "./handover/hand-over.ts";

const TIMEOUT_MS = 5000;
const USAGE = `Usage: kv-handover [${TLS_FLAG} --cacert FILE [--cert FILE --key FILE]] PORT [PASSWORD-FILE]\n`;

interface Task {
  readonly port: string;
  readonly passwordFile: string;
  readonly tls: TlsFiles | undefined;
}

const OPTIONS = {
  tls: { type: "boolean" },
  cacert: { type: "string" },
  cert: { type: "string" },
  key: { type: "string" },
} as const;

/** Undefined where it makes no sense. */
function readArguments(args: readonly string[]): Task | undefined {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
    const { tls: isOn = false, ...files } = values;
    const tls = tlsFiles(isOn, (option) => files[option.slice(2) as keyof typeof files]);
    const [port = "", passwordFile = ""] = positionals;
    return typeof tls === "string" || !/^\d{1,5}$/.test(port) ? undefined : { port, passwordFile, tls };
  } catch {
    return undefined;
  }
}

async function main(args: readonly string[]): Promise<void> {
  const task = readArguments(args);
  if (task === undefined) {
    process.stderr.write(USAGE);
    process.exitCode = 2;
    return;
  }
  const { port, passwordFile, tls } = task;
  try {
    const password = passwordFile === "" ? "" : fs.readFileSync(passwordFile, "utf8").replace(/\r?\n$/, "");
    const access = { userName: "", password, tls };
    process.stdout.write(`${await handOver({ ...access, port: Number(port), timeoutMs: TIMEOUT_MS })}\n`);
  } catch (reason) {
    process.stdout.write(`Not handed over: ${(reason as Error).message}\n`);
  }
}

await main(process.argv.slice(2));
