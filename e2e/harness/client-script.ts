/** The programs of clients/, as text: they run in the client pod, which gets them by its standard input. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

const CLIENTS = join(import.meta.dirname, "../clients");

export function clientScript(name: "keys.py" | "content.py" | "load.py" | "every-slot.py" | "acknowledged.py"): string {
  return readFileSync(join(CLIENTS, name), "utf8");
}
