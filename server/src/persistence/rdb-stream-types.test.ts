import { expect, test } from "vitest";
import { file, hex, int64, listpack, read, short } from "./hand-made-rdb.ts";
import { LiveKeyspace } from "./live-keyspace.ts";

/** Versions of the format that brought a form of streams, and what each form tells more than the one before. */
const FORMS = [
  { type: "0f", version: 9, hasIds: false, hasActive: false },
  { type: "13", version: 10, hasIds: true, hasActive: false },
  { type: "15", version: 11, hasIds: true, hasActive: true },
] as const;

const ID = hex("0000000000000007 0000000000000002");
const SEEN_MS = 1_600_000_000_000;
/** One live entry, f = v, of the id of the block itself; one deleted before it would have another. */
const BLOCK = listpack(["0101", "0001", "0101", "816602", "0001", "0201", "0001", "0001", "817602", "0401"]);

/** A stream whose last entry was deleted, with a group of one consumer that has one pending entry. */
function stream({ type, version, hasIds, hasActive }: (typeof FORMS)[number]): Buffer {
  const idsOfStream = hasIds ? hex("07 02 08 00 05") : hex("");
  const entriesRead = hasIds ? hex("03") : hex("");
  const group = Buffer.concat([short("g"), hex("07 02"), entriesRead, hex("01"), ID, int64(SEEN_MS), hex("04")]);
  const active = hasActive ? int64(SEEN_MS + 5) : hex("");
  const consumers = Buffer.concat([hex("01"), short("c"), int64(SEEN_MS + 9), active, hex("01"), ID]);
  return file(
    version,
    ...[hex(type), short("s"), hex("01"), short(ID), short(BLOCK)],
    ...[hex("01"), hex("08 00"), idsOfStream, hex("01"), group, consumers],
  );
}

test.each(FORMS)("reads streams of type 0x$type, a byte at a time as well", (form) => {
  const told = form.hasIds ? "facts 8-0 7-2 8-0 5" : expect.stringMatching(/^facts 8-0 /);
  const expected = [
    `block 7-2 1 ${BLOCK.toString("latin1")}`,
    told,
    `group g 7-2 ${form.hasIds ? 3 : undefined}`,
    `pending 7-2 ${SEEN_MS} 4`,
    `consumer c ${SEEN_MS + 9}${form.hasActive ? ` ${SEEN_MS + 5}` : ""}`,
    "own 7-2",
  ];
  for (const step of [1, 1000]) {
    const handler = read(stream(form), step);
    expect(handler.keys["0:s"]).toEqual({ type: "stream", value: expected, expireAtMs: 0 });
  }
});

test.each(FORMS)(
  "makes a stream of type 0x$type that can be written again, with what its form does not tell",
  (form) => {
    const live = new LiveKeyspace();
    live.load(stream(form));
    const value = read(live.save()).keys["0:s"]?.value;
    // What an old file does not tell is taken from what is there: one entry, nothing deleted; how far the group got is known by its id.
    const facts = form.hasIds ? "facts 8-0 7-2 8-0 5" : "facts 8-0 7-2 0-0 1";
    expect(value).toContain(facts);
    expect(value).toContain(`pending 7-2 ${SEEN_MS} 4`);
    expect(value).toContain("own 7-2");
  },
);
