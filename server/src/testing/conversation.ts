/**
 * Several clients of one server talk to it, line by line, and what each of them got behind each line is written down. Played
 * to two servers, the records must be equal. A line is the name of a client and what it sends:
 *
 *   `a GET k; GET l`   two commands at once; blanks within a word are `·`, a word of nothing is `""`, `\n` is a line's end
 *   `a? MULTI`         as many replies as commands are waited for, since what follows would not be answered as usual; `a?2`
 *                      waits for two more replies without sending anything
 *   `a& BLPOP k 0`     a is blocked by it; nothing is heard of it before its next line
 *   `a! CLIENT KILL …` a gets no reply; nothing is heard of it before its next line
 *   `a$ QUIT`          the server closes the connection; a may have nothing to send
 *   `a+`               a connects, where it did not from the start or was closed
 *
 * `<a>` stands for the id of a, `<a.address>` for its address, and `<server.address>` for the server's. All other lines are followed by a marked PING of every client, so
 * whatever comes, and whatever is missing, shows.
 */

import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { RawClient } from "./raw-client.ts";

/** What of an entry of the record is written otherwise. */
export type Mask = readonly [pattern: RegExp, replacement: string | ((match: string) => string)];

export interface Conversation {
  readonly title: string;
  /** Apart by line ends or ` | `. */
  readonly lines: string;
  /** Parts of the record that cannot be equal, and what to write in their place; with the reason in a comment. */
  readonly masks?: readonly Mask[];
  /** Directives for servers of its own; else it shares them with others, and puts back what it changes. */
  readonly directives?: readonly string[];
}

/** For what a line brings. */
const PATIENCE_MS = 10_000;
const LINE = /^([a-z]+)([?&!$+]?)(\d*) ?(.*)$/s;

interface Participant {
  readonly client: RawClient;
  readonly id: string;
  readonly address: string;
  /** Whether it answers a PING now. */
  isMarked: boolean;
  /** Its own PING is shown to it, behind the reply. */
  isMonitor: boolean;
}

export function linesOf(text: string): string[] {
  return text
    .split(/\n| \| /)
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

/** The commands of a line, as words. */
export function commandsOf(line: string): string[][] {
  const text = LINE.exec(line)?.[4] ?? "";
  return text === "" ? [] : text.split("; ").map((command) => command.split(" ").map(wordOf));
}

function wordOf(text: string): string {
  return text === '""' ? "" : text.replaceAll("·", " ").replaceAll("\\n", "\n");
}

/** What each client got behind each line. */
export async function play(port: number, { lines: text, masks = [] }: Conversation): Promise<string[]> {
  const lines = linesOf(text);
  const stage = await Stage.open(port);
  try {
    await stage.control.command("FLUSHALL");
    for (const name of namesIn(lines)) await stage.join(name);
    for (const [index, line] of lines.entries()) {
      await stage.say(line, index).catch((reason: Error) => {
        throw new Error(`Port ${port}, line ${index} "${line}": ${reason.message}`, { cause: reason });
      });
    }
    return stage.record.map((entry) => masks.reduce(masked, entry));
  } finally {
    stage.close();
  }
}

function masked(text: string, [pattern, to]: Mask): string {
  return typeof to === "string" ? text.replace(pattern, to) : text.replace(pattern, (match) => to(match));
}

/** Those that are there from the start: whose first line is no arrival. */
function namesIn(lines: readonly string[]): string[] {
  const names = new Map<string, boolean>();
  for (const line of lines) {
    const [, name = "", kind] = LINE.exec(line) ?? [];
    if (!names.has(name)) names.set(name, kind !== "+");
  }
  return [...names].filter(([, isThere]) => isThere).map(([name]) => name);
}

class Stage {
  readonly record: string[] = [];
  readonly control: RawClient;
  #line = "";
  readonly #port: number;
  readonly #participants = new Map<string, Participant>();
  /** Who had which id, also of those who are gone. */
  readonly #ids = new Map<string, string>();
  /** Ids and addresses of everybody who ever was there, for the record. */
  readonly #names: (readonly [RegExp, string])[];

  private constructor(port: number, control: RawClient) {
    this.#port = port;
    this.control = control;
    this.#names = [
      // The version stands in HELLO.
      // Who had to sign in first is not known by its id.
      [/(\bid\r\n:)\d+/g, "$1ID"],
      [/(version\r\n\$)\d+\r\n[\d.]+/g, "$1\r\nV"],
      [new RegExp(`127\\.0\\.0\\.1:${port}\\b`, "g"), "<server.address>"],
      [new RegExp(`127\\.0\\.0\\.1:${control.socket.localPort}\\b`, "g"), "<control.address>"],
    ];
  }

  static async open(port: number): Promise<Stage> {
    const control = await RawClient.connect(port, PATIENCE_MS);
    // The server may not have seen yet that those of the conversation before have left.
    while ((await control.text("CLIENT", "LIST")).split("id=").length > 2);
    return new Stage(port, control);
  }

  async join(name: string): Promise<void> {
    const client = await RawClient.connect(this.#port, PATIENCE_MS);
    const reply = await client.text("CLIENT", "ID");
    const id = reply.startsWith(":") ? reply.slice(1, -2) : "";
    const address = `127.0.0.1:${client.socket.localPort}`;
    this.#ids.set(id, name);
    if (id !== "")
      this.#names.push([
        new RegExp(`(id=|redir=|id\\r\\n:|redirect\\r\\n:|broken\\r\\n:)${id}(?=\\r\\n| )`, "g"),
        `$1<${name}>`,
      ]);
    this.#names.push([new RegExp(address.replaceAll(".", "\\."), "g"), `<${name}.address>`]);
    this.#participants.set(name, { client, id, address, isMarked: true, isMonitor: false });
  }

  async say(line: string, index: number): Promise<void> {
    const [, name = "", kind = "", count = ""] = LINE.exec(line) ?? [];
    this.record.push(line);
    this.#line = line;
    if (kind === "+") return this.join(name);
    const sender = this.#participant(name);
    const commands = commandsOf(line);
    const requests = commands.map((words) => encodeCommand(words.map((word) => this.#resolve(word))));
    // In one piece, as a client with a pipeline sends them.
    if (requests.length > 0) sender.client.write(Buffer.concat(requests));
    // A turn of the server's event loop: what it sends at the end of one is not to mix with what follows.
    if (kind !== "&" && kind !== "!") await this.control.text("PING");
    sender.isMarked = kind === "";
    const [first = []] = commands;
    if (/^(MONITOR|RESET)$/.test(first.join(" "))) sender.isMonitor = first[0] === "MONITOR";
    await this.#hearSender(name, sender, { kind, replies: Number(count) + commands.length });
    const others = [...this.#participants.keys()].filter((other) => other !== name);
    for (const each of [name, ...others]) await this.#hearMark(each, `mark-${index}-${each}`);
  }

  close(): void {
    for (const { client } of this.#participants.values()) client.close();
    this.control.close();
  }

  async #hearSender(name: string, sender: Participant, what: { kind: string; replies: number }): Promise<void> {
    if (what.kind === "?")
      this.#write(name, Buffer.concat(await sender.client.replies(what.replies)).toString("latin1"));
    if (what.kind === "&") await this.#untilBlocked(sender.id);
    if (what.kind === "!") await this.control.text("PING");
    if (what.kind !== "$") return;
    this.#write(name, `${(await sender.client.untilClosed()).toString("latin1")}(closed)`);
    this.#participants.delete(name);
  }

  async #hearMark(name: string, mark: string): Promise<void> {
    const participant = this.#participants.get(name);
    if (participant === undefined || !participant.isMarked) return;
    participant.client.write(encodeCommand(["PING", mark]));
    this.#write(name, await participant.client.until(participant.isMonitor ? `"${mark}"\r\n` : `${mark}\r\n`));
  }

  #write(name: string, text: string): void {
    let named = this.#names.reduce((rest, [pattern, to]) => rest.replace(pattern, to), text);
    if (/CLIENT (ID|GETREDIR)/.test(this.#line)) named = named.replace(/^:\d+/gm, (number) => this.#idNamed(number));
    this.record.push(`  ${name}: ${named === text ? text : named.replace(/([$=])\d+\r\n/g, "$1\r\n")}`);
  }

  #idNamed(number: string): string {
    const name = this.#ids.get(number.slice(1));
    return name === undefined ? number : `:<${name}>`;
  }

  #participant(name: string): Participant {
    const participant = this.#participants.get(name);
    if (participant === undefined) throw new Error(`Nobody is called "${name}" now`);
    return participant;
  }

  #resolve(word: string): string {
    return word
      .replace("<server.address>", `127.0.0.1:${this.#port}`)
      .replace(/<([a-z]+)(\.address)?>/g, (_, name: string, address?: string) => {
        const participant = this.#participant(name);
        return address === undefined ? participant.id : participant.address;
      });
  }

  async #untilBlocked(id: string): Promise<void> {
    const mark = new RegExp(`^id=${id} .* flags=[a-zA-Z]*b`, "m");
    while (!mark.test(await this.control.text("CLIENT", "LIST")));
  }
}
