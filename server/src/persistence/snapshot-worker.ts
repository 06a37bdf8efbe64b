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
}

export type ToSnapshotWorker =
  | { readonly kind: "chunk"; readonly memory: ArrayBuffer; readonly length: number }
  | { readonly kind: "end" }
  | { readonly kind: "abort" };

export type FromSnapshotWorker =
  | { readonly kind: "written"; readonly memory: ArrayBuffer; readonly length: number }
  | { readonly kind: "done"; readonly sizeBytes: number }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "aborted" };

function serve(port: NonNullable<typeof parentPort>, options: SnapshotFileOptions): void {
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
        tell({ kind: "done", sizeBytes: open.commit() });
        port.close();
      });
    } else {
      open.discard();
      tell({ kind: "aborted" });
      port.close();
    }
  });
}

if (!isMainThread && parentPort !== null && (workerData as SnapshotWorkerData | null)?.task === "write snapshot") {
  serve(parentPort, (workerData as SnapshotWorkerData).file);
}
