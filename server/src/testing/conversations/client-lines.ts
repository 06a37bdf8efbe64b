/** What CLIENT LIST and INFO measure, and the fields that came after 7.0, left out of a record. */

import type { Mask } from "../conversation.ts";

export const CLIENT_LINES: readonly Mask[] = [
  [/ fd=\d+/g, ""],
  [/ age=\d+ idle=\d+/g, ""],
  [/ (qbuf|qbuf-free|argv-mem|multi-mem|rbs|rbp|obl|oll|omem|tot-mem)=\d+/g, ""],
  [/ events=\w*/g, ""],
  // The time at the head of what MONITOR shows.
  [/\+\d+\.\d{6} \[/g, "+TIME ["],
  [/ (watch|lib-name|lib-ver)=\S*/g, ""],
];
