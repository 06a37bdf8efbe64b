import { describe, expect, test } from "vitest";
import { parseCommandLine } from "./command-line.ts";
import { Config } from "./config.ts";
import type { ConfigFileError } from "./config-file.ts";
import { createConfigExtras, formatConfigError, loadConfigText } from "./config-file.ts";

function load(text: string, files: Record<string, string> = {}) {
  const config = new Config({ workingDirectory: "/data", resolveDirectory: (path) => path });
  const extras = createConfigExtras();
  loadConfigText(text, config, extras, {
    read(path) {
      const found = files[path];
      if (found === undefined) throw Object.assign(new Error("gone"), { code: "ENOENT" });
      return found;
    },
    expand: (pattern, base) => [pattern.startsWith("/") ? pattern : `${base}/${pattern}`],
  });
  return { config, extras };
}

function failureOf(text: string): string {
  try {
    load(text);
  } catch (error) {
    return formatConfigError(error as ConfigFileError, "Redis 7.0.15");
  }
  return "";
}

describe("redis.conf", () => {
  test("reads comments, quotes, blank lines and later lines win", () => {
    const { config } = load('# a comment\r\n\n  port 7000\nrequirepass "a b"\nport 7001\nSLAVEOF host 6379\n');
    expect(config.get("port")).toBe(7001);
    expect(config.get("requirepass")).toBe("a b");
    expect(config.get("replicaof")).toEqual({ host: "host", port: 6379 });
  });

  test("a vertical tab or form feed is a blank between words, and a letter within one", () => {
    expect(load("\v\fport \v7000\n\f\n").config.get("port")).toBe(7000);
    expect(failureOf("port\v7000")).toContain("Bad directive or wrong number of arguments");
    expect(load("requirepass a\vb").config.get("requirepass")).toBe("a\vb");
  });

  test.each(["save", "bind", "latency-tracking-info-percentiles"] as const)(
    "%s without a word is the empty list",
    (name) => {
      expect(load(`${name} `).config.text(name)).toBe("");
    },
  );

  test("the first save line replaces the defaults, further ones add up, the empty one clears", () => {
    expect(load("save 900 1\nsave 300 10 60 100").config.text("save")).toBe("900 1 300 10 60 100");
    expect(load('save 900 1\nsave ""').config.get("save")).toEqual([]);
    expect(load("hz 5").config.text("save")).toBe("3600 1 300 100 60 10000");
  });

  test("include reads in place, relative to dir, and reports a missing file", () => {
    const { config } = load("port 1\ninclude more.conf\nhz 7", { "/data/more.conf": "port 2\nhz 6" });
    expect([config.get("port"), config.get("hz")]).toEqual([2, 7]);
    expect(() => load("include /nope.conf")).toThrow(
      "Fatal error, can't open config file '/nope.conf': No such file or directory",
    );
  });

  test("an include of itself stops with a reason", () => {
    expect(() => load("include self", { "/data/self": "include self" })).toThrow("nested deeper");
  });

  test("keeps rename-command and user lines", () => {
    const { extras } = load('rename-command FLUSHALL ""\nuser default on nopass ~* +@all');
    expect(extras.renamedCommands.get("flushall")).toBe("");
    expect(extras.userLines).toEqual([["default", "on", "nopass", "~*", "+@all"]]);
  });

  test.each([
    ["port 1\nfoo bar", 2, "foo bar", "Bad directive or wrong number of arguments"],
    ["port abc", 1, "port abc", "argument couldn't be parsed into an integer"],
    ["port 1 2", 1, "port 1 2", "wrong number of arguments"],
    [
      "shutdown-on-sigterm",
      1,
      "shutdown-on-sigterm",
      "argument(s) must be one of the following: default, save, nosave, now, force",
    ],
    ["appendonly", 1, "appendonly", "wrong number of arguments"],
    ['dir "x', 1, 'dir "x', "Unbalanced quotes in configuration line"],
  ])("%j stops with line, text and reason", (text, line, shown, reason) => {
    expect(failureOf(text)).toBe(
      `\n*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\nReading the configuration file, at line ${line}\n>>> '${shown}'\n${reason}\n`,
    );
  });
});

describe("the command line", () => {
  const optionLines = (...words: string[]) => {
    const parsed = parseCommandLine(words);
    return parsed.kind === "run" ? parsed.optionLines : parsed.kind;
  };

  test("options become lines, the value right after a name may start with dashes", () => {
    expect(optionLines("--port", "7", "--replicaof", "h", "1")).toBe('port "7"\nreplicaof "h" "1"');
    expect(optionLines("--requirepass", "--secret", "--hz", "5")).toBe('requirepass "--secret"\nhz "5"');
    expect(optionLines("--port 6380", "--hz", "5")).toBe('port 6380\nhz "5"');
  });

  test("--save alone means no save points", () => {
    expect(optionLines("--save", "--hz", "5")).toBe('save ""\nhz "5"');
    expect(optionLines("--save")).toBe('save ""');
    expect(optionLines("--save", "")).toBe('save ""');
    expect(optionLines("--save", "60 1")).toBe('save "60 1"');
  });

  test("knows a file, standard input, version and help", () => {
    expect(parseCommandLine(["a.conf", "--hz", "5", "-"])).toEqual({
      kind: "run",
      configFile: "a.conf",
      readsStdin: true,
      optionLines: 'hz "5"',
    });
    expect(parseCommandLine(["-"])).toMatchObject({ configFile: undefined, readsStdin: true });
    expect(parseCommandLine(["--version"])).toEqual({ kind: "version" });
    expect(parseCommandLine(["-h"])).toEqual({ kind: "help" });
    expect(parseCommandLine([])).toMatchObject({ kind: "run", optionLines: "" });
  });
});
