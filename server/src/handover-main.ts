/**
 * kv-handover: run in the place of a server that is about to be stopped, before it is told so (in Kubernetes: the pod's
 * preStop hook). Prints what came of it, and always ends well: stopping goes on whatever happens here.
 */

import fs from "node:fs";
import { handOver } from "./handover/hand-over.ts";

const TIMEOUT_MS = 5000;
const USAGE = "Usage: kv-handover PORT [PASSWORD-FILE]\n";

async function main([port = "", passwordFile = ""]: readonly string[]): Promise<void> {
  if (!/^\d{1,5}$/.test(port)) {
    process.stderr.write(USAGE);
    process.exitCode = 2;
    return;
  }
  try {
    const password = passwordFile === "" ? "" : fs.readFileSync(passwordFile, "utf8").replace(/\r?\n$/, "");
    const account = { userName: "", password };
    process.stdout.write(`${await handOver({ ...account, port: Number(port), timeoutMs: TIMEOUT_MS })}\n`);
  } catch (reason) {
    process.stdout.write(`Not handed over: ${(reason as Error).message}\n`);
  }
}

await main(process.argv.slice(2));
