/**
 * Volumes that can be filled up: a few small file systems a node, offered as local volumes of a storage class. One that was
 * given back is emptied before it is offered again.
 */
import { type KubernetesObject, kubectl, listObjects, mustRun } from "../harness/kubectl.ts";
import { inside, makeDisks } from "./machine.ts";

export const STORAGE_CLASS = "small-disks";
const DISKS_PER_NODE = 5;
const MEGABYTES = 128;
const LABEL = "kvcluster.dev/small-disk";

export interface Disk {
  readonly node: number;
  readonly number: number;
}

const pathOf = ({ number }: Disk) => `/run/kvcluster/disks/${number}`;
const nameOf = ({ node, number }: Disk) => `small-n${node}-${number}`;

export function diskOfVolume(name: string): Disk {
  const [node, number] = name.replace("small-n", "").split("-").map(Number);
  if (node === undefined || number === undefined) throw new Error(`volume "${name}": not a small disk`);
  return { node, number };
}

export async function offerDisks(nodes: readonly number[]): Promise<void> {
  await withdrawDisks();
  const storageClass = {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: STORAGE_CLASS },
    provisioner: "kubernetes.io/no-provisioner",
    volumeBindingMode: "WaitForFirstConsumer",
  };
  await create(storageClass);
  for (const node of nodes) {
    await makeDisks(node, DISKS_PER_NODE, MEGABYTES);
    for (let number = 1; number <= DISKS_PER_NODE; number += 1) await create(volumeOf({ node, number }));
  }
}

export async function withdrawDisks(): Promise<void> {
  await kubectl("delete", "pv", "-l", LABEL, "--wait=false");
  await kubectl("delete", "storageclass", STORAGE_CLASS, "--ignore-not-found");
}

/** Those that were given back. */
export async function recycleDisks(): Promise<void> {
  const volumes = await listObjects<KubernetesObject>("default", "pv", LABEL);
  for (const { metadata, status } of volumes) {
    if (status?.phase !== "Released") continue;
    const disk = diskOfVolume(metadata.name);
    await inside(`n${disk.node}`, "find", pathOf(disk), "-mindepth", "1", "-delete");
    await kubectl("delete", `pv/${metadata.name}`);
    await create(volumeOf(disk));
  }
}

/** Nobody else can write a byte more. */
export async function fillDisk(disk: Disk): Promise<void> {
  await inside(`n${disk.node}`, "sh", "-c", `dd if=/dev/zero of=${pathOf(disk)}/filler bs=64k 2>/dev/null; true`);
}

export async function freeDisk(disk: Disk): Promise<void> {
  await inside(`n${disk.node}`, "rm", "-f", `${pathOf(disk)}/filler`);
}

const create = (manifest: object) => mustRun("kubectl", ["create", "-f", "-"], JSON.stringify(manifest));

function volumeOf(disk: Disk): object {
  const hostname = { key: "kubernetes.io/hostname", operator: "In", values: [`n${disk.node}`] };
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: nameOf(disk), labels: { [LABEL]: "" } },
    spec: {
      capacity: { storage: `${MEGABYTES}Mi` },
      accessModes: ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: "Retain",
      storageClassName: STORAGE_CLASS,
      local: { path: pathOf(disk) },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [hostname] }] } },
    },
  };
}
