/**
 * Entry of the thread that writes a snapshot to its file: checksum, write, fsync and rename cost the main thread nothing.
 * Only the thread itself may run this; importing it does nothing.
 */

import { isMainThread, parentPort, workerData } from "node:worker_threads";
import { systemDisk } from "../platform/disk.ts";
import { SnapshotFile, type SnapshotFileOptions } from "./snapshot-file.ts";

export interface SnapshotWorkerData {
  readonly task: "write snapshot";
  readonly file: SnapshotFileOptions;
  /** One number, shared: who decides what becomes of the file (see Fate). */
  readonly fate: SharedArrayBuffer;
}

/**
 * A snapshot can be given up at any moment, and what is saved after that must not be replaced by it. So the thread makes
 * its file the real one only if nobody has given it up, and who gives it up while that happens waits for its end.
 */
export const Fate = { open: 0, publishing: 1, decided: 2 } as const;

export type ToSnapshotWorker =
  | { readonly kind: "chunk"; readonly memory: ArrayBuffer; readonly length: number }
  | { readonly kind: "end" }
  | { readonly kind: "abort" };

export type FromSnapshotWorker =
  | { readonly kind: "written"; readonly memory: ArrayBuffer; readonly length: number }
  | { readonly kind: "done"; readonly sizeBytes: number }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "aborted" };

function serve(port: NonNullable<typeof parentPort>, options: SnapshotFileOptions, fate: Int32Array): void {
  let file: SnapshotFile | undefined;
  const tell = (message: FromSnapshotWorker, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);
  const attempt = (action: () => void): void => {
    try {
      action();
    } catch (reason) {
      file?.discard();
      tell({ kind: "failed", message: reason instanceof Error ? reason.message : String(reason) });
      port.close();
    }
  };
  attempt(() => {
    file = new SnapshotFile(systemDisk, options);
  });
  port.on("message", (message: ToSnapshotWorker) => {
    if (file === undefined) return;
    const open = file;
    if (message.kind === "chunk") {
      attempt(() => {
        open.write(Buffer.from(message.memory), message.length);
        tell({ kind: "written", memory: message.memory, length: message.length }, [message.memory]);
      });
    } else if (message.kind === "end") {
      attempt(() => {
        const sizeBytes = open.complete();
        // Given up: the message that says so comes next.
        if (!publish(open, fate)) return;
        tell({ kind: "done", sizeBytes });
        port.close();
      });
    } else {
      open.discard();
      tell({ kind: "aborted" });
      port.close();
    }
  });
}

/** False if the snapshot was given up before. */
function publish(file: SnapshotFile, fate: Int32Array): boolean {
  if (Atomics.compareExchange(fate, 0, Fate.open, Fate.publishing) !== Fate.open) return false;
  try {
    file.publish();
  } finally {
    Atomics.store(fate, 0, Fate.decided);
    Atomics.notify(fate, 0);
  }
  return true;
}

if (!isMainThread && parentPort !== null && (workerData as SnapshotWorkerData | null)?.task === "write snapshot") {
  const { file, fate } = workerData as SnapshotWorkerData;
  serve(parentPort, file, new Int32Array(fate));
}
