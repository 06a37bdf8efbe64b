/** Input as a broken or hostile client might send it: valid bytes with a few random changes. */

import type { Script } from "./script.ts";

const MOST_CHANGES = 3;
const INTERESTING = Buffer.from("*$\r\n-+:0123456789 \"'\0\xff", "latin1");

/** A copy with one to three bytes or ranges changed, removed, repeated, inserted or cut off. */
export function mutate(script: Script, input: Buffer): Buffer {
  let bytes: Buffer = input;
  const changes = 1 + script.random.below(MOST_CHANGES);
  for (let i = 0; i < changes && bytes.length > 0; i++) bytes = changeOnce(script, bytes);
  return bytes;
}

function changeOnce(script: Script, bytes: Buffer): Buffer {
  const at = script.random.below(bytes.length);
  const end = Math.min(bytes.length, at + 1 + script.random.below(8));
  const byte = script.once(2)
    ? script.random.below(256)
    : (INTERESTING[script.random.below(INTERESTING.length)] as number);
  switch (script.random.below(6)) {
    case 0:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([byte]), bytes.subarray(at + 1)]);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([byte]), bytes.subarray(at)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    case 4:
      return Buffer.from(bytes.subarray(0, at));
    default:
      return Buffer.from(bytes.map((old, i) => (i === at ? old ^ (1 << script.random.below(8)) : old)));
  }
}
