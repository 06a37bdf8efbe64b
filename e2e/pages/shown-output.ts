// Whether a program printed what a page shows. Pages are for people: columns are as wide as it looks good, `…` stands for what
// differs from run to run (as a line of its own for any lines, or none), and an age is any age.

const AGE = /\b\d+[smhd](?:\d+[smh])?\b/;

/** Matches the text of withEvenSpaces. */
export function outputPattern(shown: string): RegExp {
  const lines = withEvenSpaces(shown)
    .trimEnd()
    .split("\n")
    .map((line) => (line === "…" ? "(?:.*\\n)*" : `${line.split("…").map(exceptAges).join(".*")}\\n`));
  return new RegExp(`^${lines.join("")}$`);
}

export function withEvenSpaces(text: string): string {
  const lines = text.trimEnd().split("\n");
  return `${lines.map((line) => line.trim().replace(/\s+/g, " ")).join("\n")}\n`;
}

function exceptAges(text: string): string {
  const literal = text.split(new RegExp(AGE, "g")).map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return literal.join(AGE.source);
}
