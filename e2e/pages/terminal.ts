// A terminal with somebody at it, for commands that want one: each line is typed when the prompt is there again and nothing more comes.
import { spawn } from "node:child_process";
import { eventually } from "../harness/eventually.ts";

const PROMPT_WITHIN_MS = 60_000;
const QUIET_MS = 700;
/** Nobody waits for longer without pressing Enter, as kubectl says when it attaches to a pod. */
const IMPATIENT_MS = 3_000;
/** Colours, and where the cursor goes. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what they begin with
const CONTROLS = /\u001b\[[\d;?]*[A-Za-z]/g;

/** All that was seen. */
export async function typeInto(program: readonly string[], prompt: RegExp, lines: readonly string[]): Promise<string> {
  const quoted = program.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const command = `stty cols 120 rows 40; exec ${quoted}`;
  const child = spawn("script", ["--quiet", "--return", "--command", command, "/dev/null"]);
  let [seen, changedAt] = ["", performance.now()];
  child.stdout.on("data", (chunk: Buffer) => {
    seen += chunk;
    changedAt = performance.now();
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  const text = () => seen.replaceAll(CONTROLS, "").replaceAll("\r", "");
  const quietMs = () => performance.now() - changedAt;
  try {
    let typedAt = 0;
    for (const line of lines) {
      await eventually("a prompt", { withinMs: PROMPT_WITHIN_MS, everyMs: 100 }, async () => {
        if (seen.length > typedAt && prompt.test(text()) && quietMs() > QUIET_MS) return;
        if (quietMs() > IMPATIENT_MS) child.stdin.write("\r");
        throw new Error(text());
      });
      typedAt = seen.length;
      child.stdin.write(`${line}\r`);
    }
    const code = await ended;
    if (code !== 0) throw new Error(`Exit code ${code} after ${lines.join("; ")}:\n${text()}`);
    return text();
  } finally {
    child.kill();
  }
}
