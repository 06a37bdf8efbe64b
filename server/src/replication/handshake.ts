/**
 * What a replica says to its primary before the data comes, as a pure machine: `next` gives the command to send, `reply`
 * takes the answer to it. PING, AUTH, REPLCONF, then PSYNC with the point in history we are at.
 */

import { RespError, type RespValue } from "@kvcluster/protocol/resp-decoder";
import type { CommandArgument } from "@kvcluster/protocol/resp-encoder";

export interface HandshakeOptions {
  readonly user: string;
  readonly password: string;
  readonly listeningPort: number;
  readonly announcedAddress: string;
  /** Where we are in which stream, or undefined to ask for everything. */
  readonly resumeFrom: { readonly id: string; readonly next: number } | undefined;
  /** An operator decides whom we follow. */
  readonly isOfGroup: boolean;
  /** The other side is to take over from us. */
  readonly isFailover: boolean;
}

export type HandshakeResult =
  | { readonly kind: "more" }
  | { readonly kind: "full"; readonly id: string; readonly offset: number }
  | { readonly kind: "continue"; readonly id: string | undefined }
  | { readonly kind: "failed"; readonly reason: string };

interface Step {
  readonly command: readonly CommandArgument[];
  /** The answer to an old primary's missing option is an error that does not matter. */
  readonly toleratesErrors: boolean;
}

const MORE: HandshakeResult = { kind: "more" };
const FULL = /^FULLRESYNC ([0-9a-zA-Z]{40}) (\d+)$/;
const CONTINUE = /^CONTINUE(?: ([0-9a-zA-Z]{40}))?/;

export class Handshake {
  readonly #steps: readonly Step[];
  #position = 0;

  constructor(options: HandshakeOptions) {
    const required = (...command: CommandArgument[]): Step => ({ command, toleratesErrors: false });
    const optional = (...command: CommandArgument[]): Step => ({ command, toleratesErrors: true });
    const { user, password, resumeFrom } = options;
    const steps = [optional("PING")];
    if (password !== "") steps.push(user === "" ? required("AUTH", password) : required("AUTH", user, password));
    steps.push(optional("REPLCONF", "listening-port", options.listeningPort));
    if (options.announcedAddress !== "") steps.push(optional("REPLCONF", "ip-address", options.announcedAddress));
    const group = options.isOfGroup ? ["capa", "group"] : [];
    steps.push(optional("REPLCONF", "capa", "eof", "capa", "psync2", ...group));
    const takeOver = options.isFailover ? ["FAILOVER"] : [];
    steps.push(required("PSYNC", resumeFrom?.id ?? "?", resumeFrom?.next ?? -1, ...takeOver));
    this.#steps = steps;
  }

  /** The command to be sent now. */
  next(): readonly CommandArgument[] {
    return (this.#steps[this.#position] as Step).command;
  }

  reply(value: RespValue): HandshakeResult {
    const step = this.#steps[this.#position] as Step;
    const isLast = this.#position === this.#steps.length - 1;
    if (isLast) return answerToPsync(value);
    if (value instanceof RespError && isFatal(value, step)) {
      const name = String(step.command[0]);
      // Redis' own words, by which people search.
      const what = name === "AUTH" ? "Unable to AUTH to MASTER: it" : name;
      return { kind: "failed", reason: `${what} was answered with "${value.message}"` };
    }
    this.#position++;
    return MORE;
  }
}

/** PING may be refused for want of a password, which AUTH supplies next. */
function isFatal(error: RespError, step: Step): boolean {
  if (!step.toleratesErrors) return true;
  if (step.command[0] !== "PING") return false;
  return !/^(NOAUTH|NOPERM|ERR operation not permitted)/.test(error.message);
}

function answerToPsync(value: RespValue): HandshakeResult {
  if (typeof value === "string") {
    const full = FULL.exec(value);
    if (full !== null) return { kind: "full", id: full[1] as string, offset: Number(full[2]) };
    const partial = CONTINUE.exec(value);
    if (partial !== null) return { kind: "continue", id: partial[1] };
  }
  const reason = value instanceof RespError ? value.message : String(value);
  return { kind: "failed", reason: `PSYNC was answered with "${reason}"` };
}
