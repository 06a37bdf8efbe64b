/**
 * Replies as redis-cli shows them: with types and numbers for a person at a terminal, plain lines for a pipe. Bytes go to a
 * pipe unchanged.
 */

import { RespError, RespPush, type RespValue } from "@kvcluster/protocol/resp-decoder";

const NAMED: ReadonlyMap<number, string> = new Map([
  [0x07, "\\a"],
  [0x08, "\\b"],
  [0x09, "\\t"],
  [0x0a, "\\n"],
  [0x0d, "\\r"],
  [0x22, '\\"'],
  [0x5c, "\\\\"],
]);

/** For a person. Ends in a line feed. */
export function replyForPeople(reply: RespValue): string {
  return formatted(reply, "");
}

function formatted(reply: RespValue, indent: string): string {
  if (reply === null) return "(nil)\n";
  if (reply instanceof RespError) return `(error) ${reply.message}\n`;
  if (Buffer.isBuffer(reply)) return `${quoted(reply)}\n`;
  if (reply instanceof RespPush) return list(reply.items, indent);
  if (Array.isArray(reply)) return list(reply, indent);
  if (reply instanceof Map) return map(reply, indent);
  switch (typeof reply) {
    case "number":
      return Number.isInteger(reply) ? `(integer) ${reply}\n` : `(double) ${reply}\n`;
    case "bigint":
      return `(integer) ${reply}\n`;
    case "boolean":
      return `(${reply})\n`;
    default:
      return `${reply}\n`;
  }
}

function list(items: readonly RespValue[], indent: string): string {
  if (items.length === 0) return "(empty array)\n";
  const width = String(items.length).length;
  return items
    .map((item, index) => {
      const number = `${String(index + 1).padStart(width)}) `;
      return `${index === 0 ? "" : indent}${number}${formatted(item, `${indent}${" ".repeat(number.length)}`)}`;
    })
    .join("");
}

function map(entries: ReadonlyMap<RespValue, RespValue>, indent: string): string {
  if (entries.size === 0) return "(empty hash)\n";
  const width = String(entries.size).length;
  return [...entries]
    .map(([key, value], index) => {
      const number = `${String(index + 1).padStart(width)}# `;
      const name = formatted(key, indent).trimEnd();
      return `${index === 0 ? "" : indent}${number}${name} => ${formatted(value, `${indent}${" ".repeat(number.length)}`)}`;
    })
    .join("");
}

function quoted(bytes: Buffer): string {
  const characters = [...bytes].map((byte) => {
    const isPlain = byte >= 0x20 && byte < 0x7f;
    return NAMED.get(byte) ?? (isPlain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`);
  });
  return `"${characters.join("")}"`;
}

/** For a pipe: one line for each value, however deep it lies. */
export function replyForPipe(reply: RespValue): string {
  if (reply instanceof RespPush) return reply.items.map(replyForPipe).join("");
  if (Array.isArray(reply)) return reply.length === 0 ? "\n" : reply.map(replyForPipe).join("");
  if (reply instanceof Map) return [...reply].flat().map(replyForPipe).join("");
  if (reply === null) return "\n";
  if (reply instanceof RespError) return `${reply.message}\n`;
  return `${Buffer.isBuffer(reply) ? reply.toString("utf8") : reply}\n`;
}
