/** A process that takes a job of the queue named in its arguments, says so, and never finishes it. */

import { Worker } from "bullmq";
import { HOST } from "../server-address.ts";

const [, , queue = "", port] = process.argv;
const take = (): Promise<never> => {
  process.stdout.write("taken\n");
  return new Promise(() => undefined);
};
new Worker(queue, take, {
  connection: { host: HOST, port: Number(port) },
  lockDuration: 400,
  // Else it would keep all others from looking for stalled jobs for half a minute.
  stalledInterval: 200,
});
