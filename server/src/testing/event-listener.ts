/** Hears all keyspace events of a server, so that what two servers told can be compared. */

import { RawClient } from "./raw-client.ts";

const END_CHANNEL = "end of batch";
/** Without missed keys, which SORT meets in the order of its set, and without new ones: a stored result is new here each time. */
const CLASSES = "KEA";

export class EventListener {
  readonly #listener: RawClient;
  readonly #control: RawClient;
  #batches = 0;

  constructor(listener: RawClient, control: RawClient) {
    this.#listener = listener;
    this.#control = control;
  }

  static async start(port: number): Promise<EventListener> {
    const [listener, control] = await Promise.all([RawClient.connect(port), RawClient.connect(port)]);
    await control.command("CONFIG", "SET", "notify-keyspace-events", CLASSES);
    await listener.command("PSUBSCRIBE", "__key*__:*");
    await listener.command("SUBSCRIBE", END_CHANNEL);
    return new EventListener(listener, control);
  }

  /** The messages since the last call, as they came. */
  async takeEvents(): Promise<Buffer[]> {
    const end = `${END_CHANNEL} ${++this.#batches}`;
    await this.#control.command("PUBLISH", END_CHANNEL, end);
    const events: Buffer[] = [];
    for (;;) {
      const [event] = await this.#listener.replies(1);
      if (event === undefined || event.includes(end)) return withoutOrder(events);
      events.push(event);
    }
  }

  async stop(): Promise<void> {
    await this.#control.command("CONFIG", "SET", "notify-keyspace-events", "");
    this.#listener.close();
    this.#control.close();
  }
}

/**
 * In which order SORT and the like look for keys that are not there, and which expired keys an iteration meets, depends on a
 * hash table.
 */
function withoutOrder(events: readonly Buffer[]): Buffer[] {
  const lasting = events.filter((event) => !event.includes("expired"));
  const isMiss = (event: Buffer | undefined): boolean => event?.includes("keymiss") === true;
  const result: Buffer[] = [];
  for (let start = 0; start < lasting.length; ) {
    let end = start + 1;
    if (isMiss(lasting[start])) while (isMiss(lasting[end])) end++;
    result.push(...lasting.slice(start, end).sort(Buffer.compare));
    start = end;
  }
  return result;
}
