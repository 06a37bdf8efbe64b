/** The server under test, as the runner names it. */

export const HOST = "127.0.0.1";
export const PORT = Number(process.env.KV_COMPAT_PORT ?? 6379);
export const SERVER_URL = `redis://${HOST}:${PORT}`;
