/**
 * Cluster slot arithmetic: CRC16 (XMODEM: polynomial 0x1021, initial value 0, not reflected) of the key modulo 16,384,
 * over the hash tag where the key has one, as the Redis Cluster specification defines it.
 */

export const SLOT_COUNT = 16384;

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const TABLE = buildTable();

/** CRC16/XMODEM of `length` bytes of `bytes` from `offset`; 0 for none. */
export function crc16(bytes: Uint8Array, offset: number, length: number): number {
  let crc = 0;
  const end = offset + length;
  for (let i = offset; i < end; i++) {
    crc = ((crc << 8) & 0xffff) ^ (TABLE[(crc >>> 8) ^ (bytes[i] as number)] as number);
  }
  return crc;
}

/** The slot (0 to 16,383) of the key at `offset`. Only what stands between the first `{` and the next `}` counts, unless that is empty. */
export function keySlot(bytes: Uint8Array, offset: number, length: number): number {
  const end = offset + length;
  for (let open = offset; open < end; open++) {
    if (bytes[open] !== OPEN_BRACE) continue;
    for (let close = open + 1; close < end; close++) {
      if (bytes[close] !== CLOSE_BRACE) continue;
      if (close === open + 1) break;
      return crc16(bytes, open + 1, close - open - 1) & (SLOT_COUNT - 1);
    }
    break;
  }
  return crc16(bytes, offset, length) & (SLOT_COUNT - 1);
}

function buildTable(): Uint16Array {
  const table = new Uint16Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) !== 0 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
    table[byte] = crc;
  }
  return table;
}
