/** The server's native parts (server/native): each is optional, and left out where there was no compiler. */

import { createRequire } from "node:module";

/** Undefined, with the reason told, where the part was not built or is not for this system. */
export function loadNativePart<Part>(name: string, unavailable: (reason: string) => void): Part | undefined {
  try {
    return createRequire(import.meta.url)(`../../native/build/${name}.node`) as Part;
  } catch (error) {
    unavailable((error as Error).message.split("\n", 1)[0] ?? "");
    return undefined;
  }
}
