/** Rows of words as columns, as kubectl prints them: two or three blanks apart, none at the end of a line. */

const GAP = "   ";

export function textTable(header: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  return all.map((row) =>
    widths
      .map((width, column) => (row[column] ?? "").padEnd(width))
      .join(GAP)
      .trimEnd(),
  );
}
