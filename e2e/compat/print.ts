/** The report goes to standard output, line by line as it grows. */

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
