/** An RDB file that holds the libraries of functions and no keys, in memory: what `redis-cli --functions-rdb` asks for. */

import { Crc64 } from "./crc64.ts";
import { CHECKSUM_BYTES, RDB_WRITE_VERSION } from "./rdb-format.ts";
import { type RdbHeader, writeRdbEnd, writeRdbHeader } from "./rdb-frame.ts";
import { createChunk, RdbOutput } from "./rdb-output.ts";

export function librariesFile(header: RdbHeader): Buffer {
  const parts: Buffer[] = [];
  const sink = {
    exchange(chunk: Buffer, length: number): Buffer {
      parts.push(chunk.subarray(0, length));
      return createChunk();
    },
  };
  const output = new RdbOutput(sink, { compress: true });
  writeRdbHeader(output, header, RDB_WRITE_VERSION);
  writeRdbEnd(output);
  output.flush();
  const body = Buffer.concat(parts);
  const checksum = new Crc64();
  checksum.update(body, 0, body.length);
  const tail = Buffer.alloc(CHECKSUM_BYTES);
  checksum.write(tail, 0);
  return Buffer.concat([body, tail]);
}
