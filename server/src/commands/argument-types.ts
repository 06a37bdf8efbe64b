/** The types of arguments, as COMMAND DOCS names them, follow from their names; what differs says so in its row's notation. */

export type ArgumentType =
  | "string"
  | "integer"
  | "double"
  | "key"
  | "pattern"
  | "unix-time"
  | "pure-token"
  | "oneof"
  | "block";

/** What a notation may write after a name: `timeout:double`. */
export const WRITTEN_TYPES: ReadonlySet<string> = new Set([
  "string",
  "integer",
  "double",
  "key",
  "pattern",
  "unix-time",
]);

const NAMES_OF_TYPE: Partial<Record<ArgumentType, readonly string[]>> = {
  integer: [
    ...["bit", "bits", "client-id", "cluster-bus-port", "config-epoch", "count", "cursor", "db", "decrement"],
    ...[
      "destination-db",
      "end",
      "end-slot",
      "entries-added",
      "entries-read",
      "frequency",
      "increment",
      "index",
      "index1",
    ],
    ...[
      "index2",
      "len",
      "limit",
      "maxage",
      "milliseconds",
      "min-match-len",
      "ms",
      "num-matches",
      "numfields",
      "numkeys",
    ],
    ...[
      "numlocal",
      "numreplicas",
      "offset",
      "port",
      "protover",
      "rank",
      "seconds",
      "slot",
      "start",
      "start-slot",
      "stop",
    ],
    ...["timeout", "ttl", "version", "weight"],
  ],
  double: ["height", "latitude", "longitude", "radius", "score", "width"],
  pattern: ["pattern"],
  "unix-time": ["unix-time-milliseconds", "unix-time-seconds"],
  key: ["destination", "destkey", "dst", "key", "key1", "key2", "newkey", "source", "sourcekey", "src"],
};

const TYPE_OF_NAME: ReadonlyMap<string, ArgumentType> = new Map(
  (Object.entries(NAMES_OF_TYPE) as [ArgumentType, readonly string[]][]).flatMap(([type, names]) =>
    names.map((name) => [name, type] as const),
  ),
);

/** A name of a key is a string to a command without keys: CLUSTER KEYSLOT takes one as any text. */
export function typeOfName(name: string, hasKeys: boolean): ArgumentType {
  const type = TYPE_OF_NAME.get(name) ?? "string";
  return type === "key" && !hasKeys ? "string" : type;
}
