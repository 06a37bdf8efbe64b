// JSON merge patches (RFC 7396) and the comparison behind them: what to send so that `from` becomes `to`, or nothing.
// Lists are replaced whole; a member that is gone becomes null. `undefined` members count as absent.

export type Json = unknown;

/** The patch from one value to the other, or undefined when they are equal. */
export function mergePatch(from: Json, to: Json): Json | undefined {
  if (!isRecord(from) || !isRecord(to)) {
    return isEqual(from, to) ? undefined : to;
  }
  const patch: Record<string, Json> = {};
  for (const key of Object.keys(from)) {
    if (from[key] !== undefined && to[key] === undefined) {
      patch[key] = null;
    }
  }
  for (const [key, wanted] of Object.entries(to)) {
    const part = wanted === undefined ? undefined : mergePatch(from[key], wanted);
    if (part !== undefined) {
      patch[key] = part;
    }
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** The value after a merge patch. */
export function applyMergePatch(target: Json, patch: Json): Json {
  if (!isRecord(patch)) {
    return patch;
  }
  const result: Record<string, Json> = isRecord(target) ? { ...target } : {};
  for (const [key, part] of Object.entries(patch)) {
    if (part === null) {
      delete result[key];
    } else if (part !== undefined) {
      result[key] = applyMergePatch(result[key], part);
    }
  }
  return result;
}

/** Deep equality of JSON values, blind to the order of members and to undefined ones. */
export function isEqual(a: Json, b: Json): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isEqual(item, b[index]));
  }
  if (isRecord(a) && isRecord(b)) {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...keys].every((key) => isEqual(a[key], b[key]));
  }
  return a === b;
}

export function isRecord(value: Json): value is Record<string, Json> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
