/** Passwords are kept as SHA-256 in hexadecimal digits and compared in a time that tells nothing. */

import { createHash, timingSafeEqual } from "node:crypto";

export function hashPassword(password: Uint8Array): string {
  return createHash("sha256").update(password).digest("hex");
}

export function isPasswordHash(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** Looks at all of them, whichever is right. */
export function isOneOf(hashes: readonly string[], password: Uint8Array): boolean {
  const given = createHash("sha256").update(password).digest();
  let isRight = false;
  for (const hash of hashes) if (timingSafeEqual(Buffer.from(hash, "hex"), given)) isRight = true;
  return isRight;
}
