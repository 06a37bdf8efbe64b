/**
 * CRC-64 with the Jones polynomial, as the last eight bytes of an RDB file hold it (initial value 0, reflected, no final
 * inversion). Eight bytes a step through eight tables; the register is two 32-bit halves, because 64-bit integers in
 * JavaScript are objects.
 */

const POLYNOMIAL_HIGH = 0x95ac9329 | 0;
const POLYNOMIAL_LOW = 0xac4bc9b5 | 0;
const TABLES = 8;

const LOW = new Int32Array(TABLES * 256);
const HIGH = new Int32Array(TABLES * 256);
fillTables();

export class Crc64 {
  low = 0;
  high = 0;

  reset(): void {
    this.low = 0;
    this.high = 0;
  }

  update(bytes: Uint8Array, start: number, end: number): void {
    let low = this.low;
    let high = this.high;
    let i = start;
    for (; i + 8 <= end; i += 8) {
      low ^=
        (bytes[i] as number) |
        ((bytes[i + 1] as number) << 8) |
        ((bytes[i + 2] as number) << 16) |
        ((bytes[i + 3] as number) << 24);
      high ^=
        (bytes[i + 4] as number) |
        ((bytes[i + 5] as number) << 8) |
        ((bytes[i + 6] as number) << 16) |
        ((bytes[i + 7] as number) << 24);
      const a = 1792 + (low & 255);
      const b = 1536 + ((low >>> 8) & 255);
      const c = 1280 + ((low >>> 16) & 255);
      const d = 1024 + (low >>> 24);
      const e = 768 + (high & 255);
      const f = 512 + ((high >>> 8) & 255);
      const g = 256 + ((high >>> 16) & 255);
      const h = high >>> 24;
      low =
        (LOW[a] as number) ^
        (LOW[b] as number) ^
        (LOW[c] as number) ^
        (LOW[d] as number) ^
        (LOW[e] as number) ^
        (LOW[f] as number) ^
        (LOW[g] as number) ^
        (LOW[h] as number);
      high =
        (HIGH[a] as number) ^
        (HIGH[b] as number) ^
        (HIGH[c] as number) ^
        (HIGH[d] as number) ^
        (HIGH[e] as number) ^
        (HIGH[f] as number) ^
        (HIGH[g] as number) ^
        (HIGH[h] as number);
    }
    for (; i < end; i++) {
      const index = (low ^ (bytes[i] as number)) & 255;
      low = ((low >>> 8) | (high << 24)) ^ (LOW[index] as number);
      high = (high >>> 8) ^ (HIGH[index] as number);
    }
    this.low = low;
    this.high = high;
  }

  /** The eight bytes as a file ends with them, least significant first. */
  write(out: Buffer, offset: number): void {
    out.writeInt32LE(this.low, offset);
    out.writeInt32LE(this.high, offset + 4);
  }

  equals(bytes: Buffer, offset: number): boolean {
    return bytes.readInt32LE(offset) === this.low && bytes.readInt32LE(offset + 4) === this.high;
  }
}

function fillTables(): void {
  for (let byte = 0; byte < 256; byte++) {
    let low = byte;
    let high = 0;
    for (let bit = 0; bit < 8; bit++) {
      const carry = low & 1;
      low = (low >>> 1) | (high << 31);
      high = high >>> 1;
      if (carry === 1) {
        low ^= POLYNOMIAL_LOW;
        high ^= POLYNOMIAL_HIGH;
      }
    }
    LOW[byte] = low;
    HIGH[byte] = high;
  }
  for (let byte = 0; byte < 256; byte++) {
    let low = LOW[byte] as number;
    let high = HIGH[byte] as number;
    for (let table = 1; table < TABLES; table++) {
      const index = low & 255;
      low = ((low >>> 8) | (high << 24)) ^ (LOW[index] as number);
      high = (high >>> 8) ^ (HIGH[index] as number);
      LOW[table * 256 + byte] = low;
      HIGH[table * 256 + byte] = high;
    }
  }
}
