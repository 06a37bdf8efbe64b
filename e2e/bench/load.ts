/** Connections for measurements: commands in batches without waiting for each reply, and a probe that times one at a time. */

import net from "node:net";

const LINE_END = 10;
const ERROR_MARK = 45;

export async function connect(port: number): Promise<net.Socket> {
  const socket = net.connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  return socket;
}

/** A command in the form of the protocol; arguments are one byte a character. */
export function encode(...args: readonly (string | number)[]): string {
  let text = `*${args.length}\r\n`;
  for (const arg of args) text += `$${String(arg).length}\r\n${arg}\r\n`;
  return text;
}

/** Sends `count` commands whose replies have so many lines each, `batch` of them at a time. */
export async function sendAll(
  port: number,
  count: number,
  command: (index: number) => string,
  batch = 200,
  linesOfReply = 1,
): Promise<void> {
  const socket = await connect(port);
  let waiting = 0;
  let answered: (error?: Error) => void = () => undefined;
  socket.on("data", (data) => {
    for (const byte of data) if (byte === LINE_END) waiting--;
    if (data[0] === ERROR_MARK) answered(new Error(`The server refused a command: ${data.toString("latin1", 0, 200)}`));
    else if (waiting === 0) answered();
  });
  for (let index = 0; index < count; ) {
    const end = Math.min(count, index + batch);
    waiting = (end - index) * linesOfReply;
    let text = "";
    for (; index < end; index++) text += command(index);
    const done = new Promise<void>((resolve, reject) => {
      answered = (error) => (error === undefined ? resolve() : reject(error));
    });
    socket.write(text, "latin1");
    await done;
  }
  socket.destroy();
}

/** One command and its reply, as text. */
export async function ask(port: number, ...args: readonly (string | number)[]): Promise<string> {
  const socket = await connect(port);
  const reply = new Promise<string>((resolve) => {
    socket.once("data", (data) => resolve(data.toString("latin1")));
  });
  socket.write(encode(...args), "latin1");
  const text = await reply;
  socket.destroy();
  return text;
}

/** A field of INFO. */
export async function info(port: number, name: string): Promise<number> {
  const socket = await connect(port);
  socket.write(encode("INFO", "everything"), "latin1");
  let text = "";
  for await (const data of socket) {
    text += String(data);
    const found = new RegExp(`\\n${name}:([\\d.]+)\r\n[\\s\\S]*# Keyspace`).exec(text);
    if (found === null) continue;
    socket.destroy();
    return Number(found[1]);
  }
  throw new Error(`The server has no field ${name} in INFO`);
}
