// A new user's walk: docs/getting-started.md from top to bottom, as it is printed. Commands are run, other blocks saved as the page
// says, and what it shows as output is what was printed. It has the namespace that the page makes.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { IS_OUR_KUBERNETES } from "../harness/images.ts";
import { run, tryKubectl } from "../harness/kubectl.ts";
import { removeNamespace } from "../harness/namespace.ts";
import { explainFailure } from "../harness/scene.ts";
import { printed, ROOT } from "../pages/page.ts";
import { openShell, type Shell } from "../pages/shell.ts";
import { outputPattern, withEvenSpaces } from "../pages/shown-output.ts";
import { type Step, walk } from "../pages/walk.ts";

const NAMESPACE = "getting-started";
const STEP_MS = 660_000;
/** Elsewhere there is an operator, and it is not ours to remove. */
const steps = walk("docs/getting-started.md").filter(
  ({ block }) => IS_OUR_KUBERNETES || !/^(make|helm) /.test(block.text),
);
const saved: string[] = [];
/** What `make up` leaves in the namespace "default"; somebody may have it there already. */
const EXAMPLE = ["-n", "default", "kvcluster/minimal"];
let shell: Shell;
let hadExample = true;
let failed: string | undefined;

beforeAll(async () => {
  await removeNamespace(NAMESPACE);
  hadExample = (await tryKubectl("get", ...EXAMPLE)).code === 0;
  shell = await openShell("default");
});

afterAll(async () => {
  for (const file of saved) rmSync(file);
  await removeNamespace(NAMESPACE);
  if (!hadExample) await tryKubectl("delete", ...EXAMPLE);
  // Tests after this one need the operator that the page uninstalls at its end.
  const { code } = await run("helm", ["status", "kvcluster", "--namespace", "kvcluster-system"]);
  if (IS_OUR_KUBERNETES && code !== 0) await shell.run(printed("docs/getting-started.md", "helm upgrade --install"));
  shell.close();
}, STEP_MS);

describe("docs/getting-started.md", () => {
  test.each(steps.map((step) => [step.title, step] as const))("%s", { timeout: STEP_MS }, async (_title, step) => {
    expect(failed, "a step that failed before").toBeUndefined();
    explainFailure(NAMESPACE);
    failed = step.title;
    await take(step);
    failed = undefined;
  });
});

async function take({ block, file, shown }: Step): Promise<void> {
  if (file !== undefined) {
    // Fails where there is one: it would be lost.
    writeFileSync(join(ROOT, file), block.text, { flag: "wx" });
    saved.push(join(ROOT, file));
    return;
  }
  const output = await shell.run(block.text);
  if (shown !== undefined) expect(withEvenSpaces(output)).toMatch(outputPattern(shown));
}
