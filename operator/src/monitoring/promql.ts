/**
 * Reads out of a PromQL expression what it takes for granted: metrics, labels and functions. A tokenizer and three rules, for
 * tests that hold alerts and dashboards to what is really measured; no judge of whether an expression makes sense.
 * Source of the grammar: https://prometheus.io/docs/prometheus/latest/querying/basics/
 */

export interface PromqlUse {
  readonly metrics: readonly MetricUse[];
  /** In by, without, on, ignoring and their kin. */
  readonly groupingLabels: readonly string[];
  readonly functions: readonly string[];
  /** Labels of the result, where the outermost operation decides it. */
  readonly resultLabels: readonly string[] | undefined;
}

export interface MetricUse {
  readonly name: string;
  readonly labels: readonly string[];
}

const TOKEN =
  /\s+|#[^\n]*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\[[^\]]*\]|\d+(?:\.\d+)?(?:e[+-]?\d+)?(?:ms|[smhdwy])?|[a-zA-Z_:][\w:]*|==|!=|=~|!~|<=|>=|[-+*/%^<>=(){},]/gy;
const GROUPINGS: ReadonlySet<string> = new Set(["by", "without", "on", "ignoring", "group_left", "group_right"]);
const WORDS: ReadonlySet<string> = new Set(["and", "or", "unless", "bool", "offset", "atan2", "inf", "nan"]);
const NAME = /^[a-zA-Z_:]/;
const CLOSING: ReadonlyMap<string, string> = new Map([
  [")", "("],
  ["}", "{"],
]);

/** Throws where the expression is no PromQL as far as tokens and brackets go. */
export function readPromql(expression: string): PromqlUse {
  const tokens = tokensOf(expression);
  checkBrackets(expression, tokens);
  const metrics: MetricUse[] = [];
  const groupingLabels: string[] = [];
  const functions: string[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at] ?? "";
    if (!NAME.test(token) || WORDS.has(token)) continue;
    if (GROUPINGS.has(token)) {
      const labels = namesUntil(tokens, at + 2, ")");
      groupingLabels.push(...labels.names);
      at = labels.end;
    } else if (tokens[at + 1] === "(" || GROUPINGS.has(tokens[at + 1] ?? "")) {
      functions.push(token);
    } else {
      const isSelective = tokens[at + 1] === "{";
      const labels = isSelective ? namesUntil(tokens, at + 2, "}") : { names: [], end: at };
      metrics.push({ name: token, labels: labels.names });
      at = labels.end;
    }
  }
  return { metrics, groupingLabels, functions, resultLabels: resultLabelsOf(tokens) };
}

function tokensOf(expression: string): readonly string[] {
  const tokens: string[] = [];
  let end = 0;
  for (const match of expression.matchAll(TOKEN)) {
    const [token] = match;
    end = match.index + token.length;
    if (!/^[\s#]/.test(token)) tokens.push(token);
  }
  if (end !== expression.length) throw new Error(`No PromQL at "${expression.slice(end, end + 20)}": ${expression}`);
  return tokens;
}

function checkBrackets(expression: string, tokens: readonly string[]): void {
  const open: string[] = [];
  for (const token of tokens) {
    if (token === "(" || token === "{") open.push(token);
    const opening = CLOSING.get(token);
    if (opening !== undefined && open.pop() !== opening) throw new Error(`Brackets do not match up: ${expression}`);
  }
  if (open.length > 0) throw new Error(`Brackets stay open: ${expression}`);
}

function namesUntil(tokens: readonly string[], start: number, closing: string) {
  const names: string[] = [];
  let end = start;
  for (; end < tokens.length && tokens[end] !== closing; end += 1) {
    const token = tokens[end] ?? "";
    if (NAME.test(token)) names.push(token);
  }
  return { names, end };
}

/** `sum by (a, b) (…) …` gives a and b; undefined for anything that does not begin with a grouping. */
function resultLabelsOf(tokens: readonly string[]): readonly string[] | undefined {
  return tokens[1] === "by" ? namesUntil(tokens, 3, ")").names : undefined;
}
