/** Where a reply ends in a stream of bytes: the framing of RESP2 and RESP3 without their meaning. */

const CR = 13;
const AGGREGATES = "*~>";
const BULKS = "$=!";
const LINES = "+-:_,#(";

/** The position after the reply at `position`; if it is not there whole, the negative of a length the bytes must at least have. */
export function frameEnd(bytes: Buffer, position: number): number {
  let p = position;
  let open = 1;
  while (open > 0) {
    const lineEnd = bytes.indexOf(CR, p);
    if (lineEnd < 0 || lineEnd + 1 >= bytes.length) return -(bytes.length + 1);
    const type = String.fromCharCode(bytes[p] as number);
    const size = Number(bytes.toString("latin1", p + 1, lineEnd));
    p = lineEnd + 2;
    open--;
    if (AGGREGATES.includes(type)) open += Math.max(0, size);
    else if (type === "%") open += 2 * size;
    else if (type === "|") open += 2 * size + 1;
    else if (BULKS.includes(type)) {
      if (size >= 0) p += size + 2;
      if (p > bytes.length) return -p;
    } else if (!LINES.includes(type)) throw new Error(`Unexpected reply type "${type}" at ${lineEnd}`);
  }
  return p;
}
