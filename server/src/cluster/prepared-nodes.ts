/**
 * nodes.conf of a server that is outside of a cluster as yet and is going to start as a node of one: it comes up in its role, with
 * its data, as if it had been there before, and the rules for nodes that return (start-guard.ts) hold for it. Whoever writes it
 * sees to it that the files of all nodes say the same. A text that would keep the server from starting is refused.
 */

import { describeSystemError } from "../platform/system-error.ts";
import { loadNodesConf } from "./nodes-conf.ts";
import type { NodesConfDisk } from "./nodes-conf-file.ts";
import { createState, type StateOptions } from "./state.ts";

export interface PreparedNodesOptions extends Omit<StateOptions, "facts"> {
  readonly disk: Pick<NodesConfDisk, "replaceFile">;
  readonly path: string;
}

/** On the disk when it returns; what is wrong otherwise, and then the file is as it was. */
export function prepareNodes(text: string, { disk, path, ...options }: PreparedNodesOptions): string | undefined {
  try {
    loadNodesConf(createState({ ...options, facts: NOTHING }), text);
  } catch (error) {
    return (error as Error).message;
  }
  try {
    disk.replaceFile(path, Buffer.from(text, "latin1"));
    return undefined;
  } catch (error) {
    return `cannot write "${path}": ${describeSystemError(error)}`;
  }
}

/** Reading the file asks for none of this. */
const NOTHING: StateOptions["facts"] = {
  replicationOffset: () => 0,
  primaryLinkUp: () => false,
  dataAgeMs: () => Number.POSITIVE_INFINITY,
  hasWholeCopy: () => true,
  keyspaceIsEmpty: () => true,
  countKeysInSlot: () => 0,
};
