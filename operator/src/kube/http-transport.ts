// HTTP to the API server: one request and its whole answer, or a stream of JSON lines. Written over node:http because it
// must see what the generated client hides: headers, the moment a stream opens, a connection that went silent.
//
// Every request ends: it has a time limit, except streams, which the caller aborts. Sizes are bounded.
import http from "node:http";
import https from "node:https";
import { StringDecoder } from "node:string_decoder";
import type { Clock } from "../runtime/clock.ts";
import { errorFromAnswer } from "./api-error.ts";

const REQUEST_TIMEOUT_MS = 30_000;
const MAX_ANSWER_BYTES = 128 * 1024 * 1024;
const MAX_LINE_LENGTH = 16 * 1024 * 1024;

/** Where the API server is and how to prove who we are. Asked before each request: tokens are renewed on disk. */
export interface Endpoint {
  readonly url: string;
  requestOptions(): Promise<https.RequestOptions>;
}

export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpTransport {
  /** The parsed answer. Rejects with ApiError for any status but 2xx. */
  request(request: HttpRequest): Promise<unknown>;
  /** Hands over each parsed line. Resolves when the server ends the stream; a throw in `onLine` ends it with that error. */
  lines(request: HttpRequest, on: { open: () => void; line: (value: unknown) => void }): Promise<void>;
  close(): void;
}

export function httpTransport(endpoint: Endpoint, clock: Clock): HttpTransport {
  const secure = endpoint.url.startsWith("https:");
  const agent = secure ? new https.Agent({ keepAlive: true }) : new http.Agent({ keepAlive: true });

  const open = async (request: HttpRequest, signal: AbortSignal): Promise<http.IncomingMessage> => {
    const options = await endpoint.requestOptions();
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const headers = {
      ...options.headers,
      accept: "application/json",
      ...(body === undefined
        ? {}
        : { "content-type": request.contentType ?? "application/json", "content-length": Buffer.byteLength(body) }),
    };
    const url = urlOf(endpoint.url, request);
    return new Promise((resolve, reject) => {
      const perform = secure ? https.request : http.request;
      const outgoing = perform(url, { agent, ...options, method: request.method, headers, signal });
      outgoing.on("response", resolve);
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  };

  const failure = async (request: HttpRequest, response: http.IncomingMessage) => {
    const body = await readText(response);
    const retryAfter = response.headers["retry-after"];
    const status = response.statusCode ?? 0;
    return errorFromAnswer({ request: `${request.method} ${request.path}`, status, body, retryAfter }, clock.now());
  };

  return {
    async request(request) {
      const deadline = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
      const signal = request.signal === undefined ? deadline : AbortSignal.any([request.signal, deadline]);
      const response = await open(request, signal);
      if (!isSuccess(response)) {
        throw await failure(request, response);
      }
      const text = await readText(response);
      return text === "" ? undefined : JSON.parse(text);
    },

    async lines(request, on) {
      const response = await open(request, request.signal ?? new AbortController().signal);
      if (!isSuccess(response)) {
        throw await failure(request, response);
      }
      on.open();
      for await (const line of linesOf(response)) {
        on.line(JSON.parse(line));
      }
    },

    close: () => agent.destroy(),
  };
}

function isSuccess({ statusCode = 0 }: http.IncomingMessage): boolean {
  return statusCode >= 200 && statusCode < 300;
}

function urlOf(base: string, { path, query = {} }: HttpRequest): URL {
  const url = new URL(base);
  url.pathname = `${url.pathname.replace(/\/$/, "")}${path}`;
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined) {
      url.searchParams.set(key, String(value));
    }
  }
  return url;
}

async function readText(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) {
      throw new Error(`Answer of the API server: more than ${MAX_ANSWER_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function* linesOf(response: http.IncomingMessage): AsyncGenerator<string> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  for await (const chunk of response as AsyncIterable<Buffer>) {
    const lines = (rest + decoder.write(chunk)).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_LINE_LENGTH) {
      throw new Error(`Watch: a line of more than ${MAX_LINE_LENGTH} characters`);
    }
    yield* lines.filter((line) => line !== "");
  }
}
