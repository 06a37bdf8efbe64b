/** The slots of a node's shard, out of what it says about the cluster. */

const MYSELF = /(^|,)myself(,|$)/;
const NO_PRIMARY = "-";
const FLAGS = 2;
const PRIMARY = 3;
const FIRST_SLOT = 8;

/** Ranges as in `0-5460 6000`, from the reply of CLUSTER NODES; undefined if that does not tell. */
export function slotsOfMyShard(nodes: string): string | undefined {
  const lines = nodes.split("\n").map((line) => line.trim().split(" "));
  const mine = lines.find((fields) => MYSELF.test(fields[FLAGS] ?? ""));
  if (mine === undefined) return undefined;
  const primaryId = mine[PRIMARY];
  const primary = primaryId === NO_PRIMARY ? mine : lines.find(([id]) => id === primaryId);
  // Slots on their way from or to another shard stand in brackets.
  return primary
    ?.slice(FIRST_SLOT)
    .filter((range) => !range.startsWith("["))
    .join(" ");
}
