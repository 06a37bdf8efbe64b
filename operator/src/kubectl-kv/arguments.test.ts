import { describe, expect, it } from "vitest";
import { type CommandRow, parseInvocation } from "./arguments.ts";
import { COMMANDS } from "./commands.ts";
import { commandHelp, generalHelp } from "./help.ts";

const ROW: CommandRow = {
  name: "do",
  words: ["NAME", "[MORE]"],
  summary: "",
  help: "",
  options: [{ name: "timeout", value: "TIME", help: "" }],
};
const WITH_REST: CommandRow = { ...ROW, takesRest: true };

describe("the command line", () => {
  it("takes options anywhere and leaves what follows -- alone", () => {
    const parsed = parseInvocation(WITH_REST, ["-n", "apps", "shop", "--timeout=90s", "--", "SET", "-n", "--help"]);
    expect(parsed.words).toEqual(["shop"]);
    expect(parsed.rest).toEqual(["SET", "-n", "--help"]);
    expect(parsed.text("namespace")).toBe("apps");
    expect(parsed.durationMs("timeout", 1)).toBe(90_000);
    expect(parsed.has("help")).toBe(false);
  });

  it.each([
    [[], "NAME is missing"],
    [["a", "b", "c"], '"c" is one word too many'],
    [["a", "--tiemout", "5"], "Unknown option '--tiemout'"],
    [["a", "--timeout"], "Option '--timeout <value>' argument missing"],
    [["a", "--", "b"], 'Nothing goes after "--"'],
  ])("refuses %j", (argv, says) => {
    expect(() => parseInvocation(ROW, argv)).toThrow(says);
  });

  it("refuses a time that is none", () => {
    const parsed = parseInvocation(ROW, ["a", "--timeout", "soon"]);
    expect(() => parsed.durationMs("timeout", 1)).toThrow("must be a time such as 90s, 5m or 1h");
  });

  it("asks for no words where help is wanted", () => {
    expect(parseInvocation(ROW, ["--help"]).has("help")).toBe(true);
  });
});

describe("help", () => {
  it("names every command, and each of its options", () => {
    const general = generalHelp(COMMANDS.map(({ row }) => row));
    for (const { row } of COMMANDS) {
      expect(general).toContain(`  ${row.name} `);
      for (const { name } of row.options) expect(commandHelp(row)).toContain(`--${name}`);
    }
  });
});
