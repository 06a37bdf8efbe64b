/**
 * Reads the JSON that a server's admin port gives under /status. A field that an older or newer server does not have is
 * absent here, too: what is shown gets shorter, nothing fails.
 */

export interface ServerState {
  readonly role: "primary" | "replica" | undefined;
  readonly isLoading: boolean;
  readonly offset: number | undefined;
  readonly keys: number | undefined;
  readonly usedBytes: number | undefined;
  /** 0 is none. */
  readonly limitBytes: number | undefined;
  readonly ownSlots: number | undefined;
  /** Of a replica: whether it has its primary. */
  readonly isLinkUp: boolean | undefined;
  readonly isSyncing: boolean;
  /** Of a primary: those that follow it. */
  readonly followers: readonly Follower[];
}

export interface Follower {
  readonly address: string;
  readonly lagBytes: number;
  readonly lagSeconds: number | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

export function parseServerState(json: unknown): ServerState {
  const status = fieldsOf(json);
  const replication = fieldsOf(status.replication);
  const memory = fieldsOf(status.memory);
  const link = fieldsOf(replication.primary);
  const { role } = status;
  return {
    role: role === "primary" || role === "replica" ? role : undefined,
    isLoading: isRecord(fieldsOf(status.persistence).loading),
    offset: numberOf(replication.offset),
    keys: numberOf(status.keys),
    usedBytes: numberOf(memory.usedBytes),
    limitBytes: numberOf(memory.limitBytes),
    ownSlots: numberOf(fieldsOf(status.cluster).ownSlots),
    isLinkUp: typeof link.isUp === "boolean" ? link.isUp : undefined,
    isSyncing: link.isSyncing === true,
    followers: (Array.isArray(replication.replicas) ? replication.replicas : []).flatMap(parseFollower),
  };
}

function parseFollower(json: unknown): readonly Follower[] {
  const { address, lagBytes, lagSeconds } = fieldsOf(json);
  const bytes = numberOf(lagBytes);
  if (typeof address !== "string" || bytes === undefined) return [];
  return [{ address, lagBytes: bytes, lagSeconds: numberOf(lagSeconds) }];
}

function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fieldsOf(value: unknown): Fields {
  return isRecord(value) ? value : {};
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
