import { describe, expect, test } from "vitest";
import { Config } from "./config.ts";
import { DirectiveError } from "./directive.ts";
import { DIRECTIVES } from "./directives.ts";

function createConfig(): Config {
  return new Config({
    workingDirectory: "/data",
    resolveDirectory(path) {
      if (path.startsWith("/missing")) throw new DirectiveError("No such file or directory");
      return path;
    },
  });
}

describe("the table", () => {
  test("names and other names are unique and lower case", () => {
    const names = DIRECTIVES.flatMap((row) => (row.alias === undefined ? [row.name] : [row.name, row.alias]));
    expect(new Set(names).size).toBe(names.length);
    expect(names.every((name) => name === name.toLowerCase())).toBe(true);
    expect(names.length).toBeGreaterThan(190);
  });

  test("every default survives its own text", () => {
    const config = createConfig();
    for (const row of DIRECTIVES) {
      if (row.isImmutable || row.isProtected) continue;
      expect([row.name, config.set([[row.name, config.text(row.name)]])]).toEqual([row.name, undefined]);
      expect([row.name, config.get(row.name)]).toEqual([row.name, row.initial]);
    }
  });
});

describe("CONFIG GET", () => {
  test("takes several globs in any case, shows both names, and each once", () => {
    const names = createConfig()
      .matching(["MAXMEMORY-S*", "slaveof", "replicaof", "max?emory"])
      .map(([name]) => name);
    expect(names.sort()).toEqual(["maxmemory", "maxmemory-samples", "replicaof", "slaveof"]);
  });

  test("shows Redis' texts of composite values", () => {
    const config = createConfig();
    expect(config.text("save")).toBe("3600 1 300 100 60 10000");
    expect(config.text("client-output-buffer-limit")).toBe(
      "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
    );
    expect(config.text("bind")).toBe("* -::*");
    expect(config.text("latency-tracking-info-percentiles")).toBe("50 99 99.9");
  });
});

describe("CONFIG SET", () => {
  const failed = (name: string, reason: string) =>
    `ERR CONFIG SET failed (possibly related to argument '${name}') - ${reason}`;

  test.each([
    [[["foo", "1"]], "ERR Unknown option or number of arguments for CONFIG SET - 'foo'"],
    [
      [
        ["databases", "3"],
        ["foo", "1"],
      ],
      "ERR Unknown option or number of arguments for CONFIG SET - 'foo'",
    ],
    [[["databases", "3"]], failed("databases", "can't set immutable config")],
    [[["dir", "/tmp"]], failed("dir", "can't set protected config")],
    [
      [
        ["hz", "1"],
        ["hz", "2"],
      ],
      failed("hz", "duplicate parameter"),
    ],
    [[["hz", "abc"]], failed("hz", "argument couldn't be parsed into an integer")],
    [[["maxmemory-samples", "0"]], failed("maxmemory-samples", "argument must be between 1 and 2147483647 inclusive")],
    [
      [["slowlog-max-len", "-1"]],
      failed("slowlog-max-len", "argument must be between 0 and 9223372036854775807 inclusive"),
    ],
    [[["maxmemory", "1x"]], failed("maxmemory", "argument must be a memory value")],
    [[["appendonly", "maybe"]], failed("appendonly", "argument must be 'yes' or 'no'")],
    [[["appendfsync", "x"]], failed("appendfsync", "argument(s) must be one of the following: everysec, always, no")],
    [[["save", "10 1 x"]], failed("save", "Invalid save parameters")],
    [
      [["client-output-buffer-limit", "nor 1 1 1"]],
      failed("client-output-buffer-limit", "Invalid client class specified in buffer limit configuration."),
    ],
    [
      [["notify-keyspace-events", "q"]],
      failed("notify-keyspace-events", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."),
    ],
  ] as [[string, string][], string][])("%j fails with Redis' text", (pairs, text) => {
    expect(createConfig().set(pairs)).toBe(text);
  });

  test("changes nothing if one of several pairs is bad", () => {
    const config = createConfig();
    const error = config.set([
      ["maxmemory", "5mb"],
      ["maxmemory-samples", "0"],
    ]);
    expect(error).toContain("maxmemory-samples");
    expect(config.get("maxmemory")).toBe(0);
  });

  test("undoes all pairs if a listener refuses, and tells those that had applied", () => {
    const config = createConfig();
    const applied: number[] = [];
    config.onChange(["maxmemory"], () => {
      applied.push(config.get("maxmemory"));
      return undefined;
    });
    config.onChange(["hz"], () => (config.get("hz") > 50 ? "Too eager" : undefined));
    const error = config.set([
      ["maxmemory", "1kb"],
      ["hz", "60"],
    ]);
    expect(error).toBe(failed("hz", "Too eager"));
    expect([config.get("maxmemory"), config.get("hz")]).toEqual([0, 10]);
    expect(applied).toEqual([1024, 0]);
  });

  test("listeners hear only of real changes of their names", () => {
    const config = createConfig();
    let calls = 0;
    const stop = config.onChange(["hz"], () => {
      calls++;
      return undefined;
    });
    config.set([["hz", "10"]]);
    config.set([["timeout", "3"]]);
    expect(calls).toBe(0);
    config.set([["hz", "20"]]);
    stop();
    config.set([["hz", "30"]]);
    expect(calls).toBe(1);
  });

  test("a shutdown at a signal cannot both save and not save", () => {
    const config = createConfig();
    const refused = JSON.stringify(config.set([["shutdown-on-sigterm", "save nosave"]]));
    expect(refused).toContain("shutdown options SAVE and NOSAVE can't be used simultaneously");
    expect(config.get("shutdown-on-sigterm")).toEqual([]);
  });

  test("reads other names, flags, units and partial limits", () => {
    const config = createConfig();
    const pairs: [string, string][] = [
      ["slave-priority", "7"],
      ["shutdown-on-sigterm", "force nosave"],
      ["maxmemory-clients", "5%"],
      ["client-output-buffer-limit", "replica 1mb 2k 3"],
      ["notify-keyspace-events", "Kmg$lshzxetd"],
    ];
    expect(config.set(pairs)).toBeUndefined();
    expect(config.get("replica-priority")).toBe(7);
    expect(config.get("shutdown-on-sigterm")).toEqual(["nosave", "force"]);
    expect(config.text("maxmemory-clients")).toBe("5%");
    expect(config.get("client-output-buffer-limit").replica).toEqual({
      hardBytes: 1048576,
      softBytes: 2000,
      softSeconds: 3,
    });
    expect(config.text("notify-keyspace-events")).toBe("AKm");
  });
});
