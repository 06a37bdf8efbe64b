import { describe, expect, it } from "vitest";
import { complaintsOf } from "./complaints.ts";
import { seriesIn } from "./exposition.ts";
import { readPromql } from "./promql.ts";

describe("what an expression takes for granted", () => {
  it.each([
    ["up", ["up"], [], []],
    ['sum by (a, b) (rate(m{x="1", y=~"a|b"}[5m])) / n > 0.9e3', ["m", "n"], ["a", "b"], ["sum", "rate"]],
    ["a and on (p) group_left (q) b offset 5m", ["a", "b"], ["p", "q"], []],
    ["histogram_quantile(0.99, sum(x_bucket) by (le))", ["x_bucket"], ["le"], ["histogram_quantile", "sum"]],
    ["time() - max without (i) (t:s_total)", ["t:s_total"], ["i"], ["time", "max"]],
  ])("%s", (expression, metrics, labels, functions) => {
    const use = readPromql(expression);
    expect(use.metrics.map(({ name }) => name)).toEqual(metrics);
    expect(use.groupingLabels).toEqual(labels);
    expect(use.functions).toEqual(functions);
  });

  it("finds the labels of matchers, not words in their values", () => {
    expect(readPromql(`m{a="x{y=\\"z\\"}", b!~'c=d'}`).metrics).toEqual([{ name: "m", labels: ["a", "b"] }]);
  });

  it.each(["sum(a", "a}", "m{a=1]", "a ? b", 'm{a="open}'])("refuses %s", (expression) => {
    expect(() => readPromql(expression)).toThrow();
  });
});

describe("complaints", () => {
  const series = seriesIn('# TYPE m counter\nm{a="x,b=\\"1\\"",c="2"} 5\nkvcluster_n 1e3\n');
  const complain = (expression: string, ...textLabels: readonly string[]) =>
    complaintsOf({ place: "here", expression, textLabels }, series, (name) => name !== "other");

  it("are none where all is there", () => {
    expect(series.get("m")).toEqual(new Set(["a", "c"]));
    expect(complain('sum by (a, pod) (m{c="2", namespace="x"})', "a")).toEqual([]);
    expect(complain("sum by (shard) (kvcluster_n)", "shard")).toEqual([]);
    expect(complain("other{z='1'}", "z")).toEqual([]);
  });

  it("name what is not", () => {
    expect(complain("gone")).toEqual(["here: no metric gone"]);
    expect(complain("m{z='1'}")).toEqual(["here: m has no label z"]);
    expect(complain("sum by (z) (m)")).toEqual(["here: no metric has a label z"]);
    expect(complain("sum by (a) (m)", "c")).toEqual(["here: the result has no label c"]);
    expect(complain("m{shard='1'}")).toEqual(["here: m has no label shard"]);
  });
});
