/** Reads the outcome of each test from a JUnit file as pytest and ginkgo write it. */

export type Outcome = "passed" | "failed" | "skipped";

const CASE = /<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g;
const SEVERITY: Readonly<Record<Outcome, number>> = { skipped: 0, passed: 1, failed: 2 };
const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

/** By the test's full name. A test written twice (pytest does so when its teardown fails) has its worst outcome. */
export function parseJunit(text: string): Map<string, Outcome> {
  const outcomes = new Map<string, Outcome>();
  for (const [, attributes = "", body = ""] of text.matchAll(CASE)) {
    const name = `${attribute(attributes, "classname")}::${attribute(attributes, "name")}`;
    const outcome = outcomeOf(body);
    const earlier = outcomes.get(name);
    if (earlier === undefined || SEVERITY[outcome] > SEVERITY[earlier]) outcomes.set(name, outcome);
  }
  return outcomes;
}

function attribute(attributes: string, name: string): string {
  const value = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
  return value.replace(/&(\w+);/g, (whole, entity: string) => ENTITIES[entity] ?? whole);
}

function outcomeOf(body: string): Outcome {
  if (/<(?:failure|error)\b/.test(body)) return "failed";
  return /<skipped\b/.test(body) ? "skipped" : "passed";
}
