/**
 * XREAD and XREADGROUP that wait, beside redis-server: what each of several clients received, when the stream, its group or
 * its key changes in every way while they wait.
 */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Line, PRIMARY, playScene } from "../testing/blocking-scene.ts";
import { RawClient } from "../testing/raw-client.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

/** The consumers are made first: since Redis 7.2 a consumer that waits is made too. */
const GROUP: readonly Line[] = [
  [0, "XGROUP CREATE s g $ MKSTREAM"],
  [0, "XGROUP CREATECONSUMER s g a"],
  [0, "XGROUP CREATECONSUMER s g b"],
  [0, "XGROUP CREATECONSUMER s g c"],
];

const waitForGroup = (client: number, consumer: string, options = ""): Line => [
  client,
  `*XREADGROUP GROUP g ${consumer}${options} BLOCK 0 STREAMS s >`,
];

/** What a client is told that waits for a group that goes: since Redis 7.2 the command runs again, and gives its error. */
const LOSSES = [
  /-UNBLOCKED the stream key no longer exists/,
  /-NOGROUP the consumer group this client was blocked on no longer exists/,
  /-NOGROUP No such key '[st]' or consumer group 'g' in XREADGROUP with GROUP option/,
];

function withoutLoss(line: string): string {
  return LOSSES.reduce((text, loss) => text.replace(loss, "-group lost"), line);
}

const SCENARIOS: Readonly<Record<string, readonly Line[]>> = {
  "XREAD waits for entries of one of several streams, behind the last ones of now": [
    [0, "XADD s 1-1 a b"],
    [1, "*XREAD BLOCK 0 STREAMS s t $ $"],
    [2, "*XREAD COUNT 1 BLOCK 0 STREAMS s t 1-1 0"],
    [0, "XADD t 5-1 c d"],
    [1, "*XREAD BLOCK 0 STREAMS s 1-1"],
    [0, "XADD s 2-1 e f"],
    [1, "XREAD BLOCK 20 STREAMS s $"],
    [1, "*XREAD BLOCK 0 STREAMS s $"],
    [0, "DEL s"],
    [0, "XADD s 3-1 g h"],
  ],
  "XREADGROUP waits for new entries, each goes to one consumer": [
    [0, "XGROUP CREATE s g $ MKSTREAM"],
    [0, "XGROUP CREATECONSUMER s g a"],
    [0, "XGROUP CREATECONSUMER s g b"],
    [1, "*XREADGROUP GROUP g a BLOCK 0 STREAMS s >"],
    [2, "*XREADGROUP GROUP g b COUNT 1 BLOCK 0 STREAMS s >"],
    [0, "XADD s 1-1 a b"],
    [0, "XADD s 2-1 c d"],
    [0, "XPENDING s g"],
    [1, "XREADGROUP GROUP g a BLOCK 0 STREAMS s 0"],
    [1, "XREADGROUP GROUP g a BLOCK 20 STREAMS s >"],
  ],
  "XADD inside MULTI: all entries at once": [
    [0, "XADD s 1-1 a b"],
    [1, "*XREAD BLOCK 0 STREAMS s $"],
    [2, "*XREAD COUNT 2 BLOCK 0 STREAMS t $"],
    [0, "MULTI"],
    [0, "XADD s 2-1 c d"],
    [0, "XADD s 3-1 e f"],
    [0, "XADD t 1-1 a b"],
    [0, "XADD t 2-1 a b"],
    [0, "XADD t 3-1 a b"],
    [0, "EXEC"],
  ],
  "several waiters of one group: entries of a transaction go to the first, those that come singly to each in turn": [
    ...GROUP,
    waitForGroup(1, "a", " COUNT 1"),
    waitForGroup(2, "b", " COUNT 1"),
    waitForGroup(3, "c", " COUNT 1"),
    [0, "XADD s 1-1 a 1"],
    [0, "XADD s 2-1 a 2"],
    [0, "XADD s 3-1 a 3"],
    [0, "XPENDING s g"],
    waitForGroup(1, "a", " COUNT 2"),
    waitForGroup(2, "b"),
    waitForGroup(3, "c", " NOACK"),
    [0, "MULTI"],
    ...[4, 5, 6, 7, 8].map((id): Line => [0, `XADD s ${id}-1 a ${id}`]),
    [0, "EXEC"],
    [0, "XPENDING s g"],
    [0, "XADD s 9-1 a 9"],
    [0, "XPENDING s g"],
  ],
  "a group is destroyed while its clients wait; those of another group stay": [
    ...GROUP,
    [0, "XGROUP CREATE s h $"],
    [0, "XGROUP CREATECONSUMER s h a"],
    waitForGroup(1, "a"),
    waitForGroup(2, "b"),
    [3, "*XREADGROUP GROUP h a BLOCK 0 STREAMS s >"],
    [0, "XGROUP DESTROY s g"],
    [1, "ECHO on"],
    [2, "ECHO on"],
    [0, "XADD s 1-1 a b"],
    [0, "XPENDING s h"],
  ],
  "a group that is destroyed and made again in a transaction": [
    ...GROUP,
    waitForGroup(1, "a"),
    [0, "MULTI"],
    [0, "XGROUP DESTROY s g"],
    [0, "XGROUP CREATE s g 0"],
    [0, "XGROUP CREATECONSUMER s g a"],
    [0, "EXEC"],
    [0, "XADD s 1-1 a b"],
    [0, "XPENDING s g"],
  ],
  "the consumer that waits is deleted": [
    ...GROUP,
    waitForGroup(1, "a"),
    [0, "XGROUP DELCONSUMER s g a"],
    [0, "XADD s 1-1 a b"],
    [0, "XPENDING s g"],
  ],
  ...Object.fromEntries(
    ["DEL s", "UNLINK s", "RENAME s t", "EXPIRE s -1", "FLUSHALL", "MOVE s 1", "SWAPDB 0 1"].map(
      (command): [string, readonly Line[]] => [
        `${command} while XREADGROUP and XREAD wait`,
        [
          ...GROUP,
          waitForGroup(1, "a"),
          [2, "*XREAD BLOCK 0 STREAMS s $"],
          [0, command],
          [1, "ECHO on"],
          [0, "DEL s"],
          [0, "XADD s 7-1 a b"],
        ],
      ],
    ),
  ),
  "RENAME of another stream onto the key": [
    ...GROUP,
    waitForGroup(1, "a"),
    [2, "*XREAD BLOCK 0 STREAMS s 0"],
    [0, "XADD other 5-1 a b"],
    [0, "RENAME other s"],
  ],
  "COPY onto the key, with the group": [
    ...GROUP,
    [0, "XADD s 1-1 a b"],
    [0, "COPY s other"],
    [0, "XREADGROUP GROUP g b STREAMS s >"],
    waitForGroup(1, "a"),
    [0, "COPY other s REPLACE"],
    [0, "XPENDING s g"],
  ],
  "$ and several streams: the first that gets something answers, alone": [
    [0, "XADD s 1-1 a b"],
    [0, "XADD t 2-1 a b"],
    [1, "*XREAD BLOCK 0 STREAMS nosuch s t $ $ $"],
    [2, "*XREAD BLOCK 0 STREAMS t nosuch $ $"],
    [3, "*XREAD BLOCK 0 STREAMS s t nosuch 9-9 9-9 0"],
    [0, "XADD t 3-1 c d"],
    [0, "XADD s 2-1 c d"],
    [0, "XADD nosuch 1-1 c d"],
  ],
  "a group of several streams": [
    ...GROUP,
    [0, "XGROUP CREATE t g 0 MKSTREAM"],
    [0, "XGROUP CREATECONSUMER t g a"],
    [0, "XGROUP CREATECONSUMER t g b"],
    [1, "*XREADGROUP GROUP g a BLOCK 0 STREAMS s t > >"],
    [2, "*XREADGROUP GROUP g b BLOCK 0 STREAMS t s > >"],
    [0, "XADD t 1-1 a b"],
    [0, "XADD s 1-1 a b"],
    [0, "XPENDING s g"],
    [0, "XPENDING t g"],
    [1, "*XREADGROUP GROUP g a BLOCK 0 STREAMS s t > >"],
    [0, "XGROUP DESTROY t g"],
  ],
  "an id of history never waits": [
    ...GROUP,
    [1, "XREADGROUP GROUP g a BLOCK 0 STREAMS s 0"],
    [1, "XREADGROUP GROUP g a BLOCK 0 STREAMS s 5-1"],
    [1, "XREADGROUP GROUP nosuch a BLOCK 0 STREAMS s >"],
    [1, "XREADGROUP GROUP g a BLOCK 0 STREAMS nosuch >"],
  ],
  "what adds no entry wakes nobody": [
    ...GROUP,
    [0, "XADD s 1-1 a b"],
    [0, "XREADGROUP GROUP g b STREAMS s >"],
    waitForGroup(1, "a"),
    [2, "*XREAD BLOCK 0 STREAMS s $"],
    [0, "XSETID s 5-1"],
    [0, "XDEL s 1-1"],
    [0, "XGROUP SETID s g 0"],
    [0, "XACK s g 1-1"],
    [0, "XTRIM s MAXLEN 0"],
    [0, "XADD s 3-1 too small"],
    [0, "XADD nosuch NOMKSTREAM 6-1 a b"],
    [0, "XADD s 6-1 c d"],
    [0, "XPENDING s g"],
  ],
  "CLIENT UNBLOCK, and RESP3": [
    ...GROUP,
    [1, "HELLO 3"],
    waitForGroup(1, "a"),
    [0, "CLIENT UNBLOCK #1"],
    waitForGroup(1, "a"),
    [0, "CLIENT UNBLOCK #1 ERROR"],
    [1, "*XREAD BLOCK 0 STREAMS s t $ $"],
    [0, "XADD t 1-1 a b"],
    waitForGroup(1, "a"),
    [0, "XADD s 1-1 a b"],
    waitForGroup(1, "a"),
    [0, "DEL s"],
  ],
  "in a transaction nobody waits": [
    ...GROUP,
    [1, "MULTI"],
    [1, "XREAD BLOCK 0 STREAMS s $"],
    [1, "XREADGROUP GROUP g a BLOCK 0 STREAMS s >"],
    [1, "EXEC"],
  ],
};

/** Played on a replica, whose primary is told by client PRIMARY. */
const ON_REPLICA: readonly Line[] = [
  [PRIMARY, "XADD s 1-1 a b"],
  [PRIMARY, "XGROUP CREATE s g $"],
  [PRIMARY, "WAIT 1 0"],
  [1, "*XREAD BLOCK 0 STREAMS s t $ $"],
  [2, "*XREAD COUNT 1 BLOCK 0 STREAMS t 0"],
  [3, "XREADGROUP GROUP g a BLOCK 0 STREAMS s >"],
  [PRIMARY, "MULTI"],
  [PRIMARY, "XADD t 5-1 c d"],
  [PRIMARY, "XADD t 6-1 c d"],
  [PRIMARY, "EXEC"],
  [PRIMARY, "WAIT 1 0"],
  [1, "*XREAD BLOCK 0 STREAMS s $"],
  [PRIMARY, "DEL s"],
  [PRIMARY, "XADD s 2-1 e f"],
  [PRIMARY, "WAIT 1 0"],
];

describe.runIf(hasReferenceServer)("streams that are waited for, beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair();
  });
  afterAll(() => pair.stop());

  test.each(Object.entries(SCENARIOS))("%s", async (_name, lines) => {
    const { ours, reference } = pair.ports;
    const [found, expected] = await Promise.all([playScene(ours, lines), playScene(reference, lines)]);
    expect(found.map(withoutLoss)).toEqual(expected.map(withoutLoss));
  });

  test.each([
    ["DEL s", "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option\r\n"],
    ["XGROUP DESTROY s g", "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option\r\n"],
    ["SET s v", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"],
    [
      "SET s a-value-that-needs-another-record",
      "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
    ],
    ["SETEX s 100 v", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"],
  ])("%s ends the waiting of XREADGROUP with the error of Redis 7.2, XREAD waits on", async (command, error) => {
    const lines: Line[] = [
      ...GROUP,
      waitForGroup(1, "a"),
      [2, "*XREAD BLOCK 0 STREAMS s $"],
      [0, command],
      [0, "DEL s"],
      [0, "XADD s 7-1 a b"],
    ];
    const received = (await playScene(pair.ports.ours, lines)).slice(-2);
    expect(received).toEqual([
      `1 later ${error}`,
      expect.stringContaining("2 later *1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n7-1"),
    ]);
  });

  test("entries that a transaction adds and takes away again are not seen, as in Redis 7.2", async () => {
    const lines: Line[] = [
      [1, "*XREAD BLOCK 0 STREAMS s $"],
      [0, "MULTI"],
      [0, "XADD s 4-1 c d"],
      [0, "XTRIM s MAXLEN 0"],
      [0, "EXEC"],
      [0, "XADD s 5-1 c d"],
    ];
    expect((await playScene(pair.ports.ours, lines)).at(-1)).toContain("$3\r\n5-1\r\n");
  });

  test("on a replica XREAD waits for what the primary sends", async () => {
    const replicas = await startServerPair();
    const play = async (port: number, primary: number): Promise<string[]> => {
      const control = await RawClient.connect(port);
      await control.command("REPLICAOF", "127.0.0.1", String(primary));
      while (!String(await control.command("INFO", "replication")).includes("master_link_status:up"));
      control.close();
      return playScene(port, ON_REPLICA, primary);
    };
    try {
      const [found, expected] = await Promise.all([
        play(replicas.ports.ours, pair.ports.ours),
        play(replicas.ports.reference, pair.ports.reference),
      ]);
      expect(found).toEqual(expected);
    } finally {
      await replicas.stop();
    }
  });
});
