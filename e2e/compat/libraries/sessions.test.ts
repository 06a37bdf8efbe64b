/** A session store: connect-redis under express-session, with an application that counts visits and logs people in and out. */

import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { RedisStore } from "connect-redis";
import express, { type Express } from "express";
import session from "express-session";
import { createClient } from "redis";
import { withApplication } from "./application.ts";
import { SERVER_URL } from "./server-address.ts";
import { until } from "./waiting.ts";

const TIMEOUT_MS = 20_000;
const SECRET = "only of this test";

declare module "express-session" {
  interface SessionData {
    visits?: number;
    user?: string;
    cart?: readonly string[];
  }
}

interface Scene {
  readonly client: Awaited<ReturnType<typeof connect>>;
  readonly prefix: string;
  store(options?: { ttl?: number; disableTouch?: boolean }): RedisStore;
}

type Scenario = (scene: Scene) => Promise<void>;

const scenarios: Readonly<Record<string, Scenario>> = {
  "a visitor is known again, in every process of the application": async ({ store }) => {
    await withApplication(shop(store()), async (first) => {
      await withApplication(shop(store()), async (second) => {
        const browser = createBrowser();
        const counts = [await browser(first), await browser(second), await browser(first), await browser(second)];
        deepEqual(counts, ["1", "2", "3", "4"]);
        equal(await createBrowser()(second), "1");
      });
    });
  },

  "logging in changes the identifier, and logging out ends the session": async ({ client, prefix, store }) => {
    await withApplication(shop(store()), async (url) => {
      const browser = createBrowser();
      await browser(url);
      const [before] = await client.keys(`${prefix}*`);
      equal(await browser(`${url}login?user=J%C3%BCrgen%20%F0%9F%98%80`), "welcome");
      const [after, ...others] = await client.keys(`${prefix}*`);
      notEqual(after, before);
      deepEqual(others, []);
      equal(await browser(`${url}user`), "Jürgen 😀");
      equal(await browser(`${url}logout`), "goodbye");
      deepEqual(await client.keys(`${prefix}*`), []);
      equal(await browser(`${url}user`), "nobody");
    });
  },

  "a session lives as long as its cookie, from the last visit on": async ({ client, prefix, store }) => {
    await withApplication(shop(store(), 100_000), async (url) => {
      const browser = createBrowser();
      await browser(url);
      const [key = ""] = await client.keys(`${prefix}*`);
      const left = await client.ttl(key);
      ok(left > 90 && left <= 100, `${left} s to live`);
      await client.expire(key, 10);
      await browser(`${url}user`);
      ok((await client.ttl(key)) > 90, "a visit that changes nothing renews the session");
    });
  },

  "an expired session is forgotten": async ({ client, prefix, store }) => {
    await withApplication(shop(store(), 1_000), async (url) => {
      const browser = createBrowser();
      equal(await browser(url), "1");
      await until(async () => (await client.keys(`${prefix}*`)).length === 0);
      equal(await browser(url), "1");
    });
  },

  "a cart of a megabyte is kept whole": async ({ store }) => {
    await withApplication(shop(store()), async (url) => {
      const browser = createBrowser();
      equal(await browser(`${url}fill?items=20000`), "20000");
      equal(await browser(`${url}cart`), String(20_000 * 50));
    });
  },

  "thousands of sessions are listed, counted and cleared, and nothing else": async ({ client, prefix, store }) => {
    const sessions = store({ ttl: 600 });
    const cookie = { originalMaxAge: 600_000 };
    const ids = Array.from({ length: 3_000 }, (_, index) => `s${index}`);
    await Promise.all(ids.map((id, index) => sessions.set(id, { cookie, visits: index })));
    await client.set(`other-${prefix}`, "stays");
    equal(await sessions.length(), 3_000);
    deepEqual((await sessions.ids()).sort(), [...ids].sort());
    const all: { id: string; visits: number }[] = await sessions.all();
    deepEqual(
      all.map(({ visits }) => visits).sort((a, b) => a - b),
      ids.map((_, index) => index),
    );
    equal((await sessions.get("s17")).visits, 17);
    await sessions.destroy("s17");
    equal(await sessions.get("s17"), null);
    await sessions.clear();
    equal(await sessions.length(), 0);
    equal(await client.get(`other-${prefix}`), "stays");
  },

  "requests at once on one session all find it": async ({ store }) => {
    await withApplication(shop(store()), async (url) => {
      const browser = createBrowser();
      await browser(`${url}login?user=eve`);
      const users = await Promise.all(Array.from({ length: 50 }, () => browser(`${url}user`)));
      deepEqual(new Set(users), new Set(["eve"]));
    });
  },
};

for (const protocol of [2, 3] as const) {
  for (const [title, scenario] of Object.entries(scenarios)) {
    test(`connect-redis on node-redis RESP${protocol}: ${title}`, { timeout: TIMEOUT_MS }, async () => {
      const client = await connect(protocol);
      const prefix = `${randomUUID()}:`;
      try {
        await scenario({ client, prefix, store: (options) => new RedisStore({ client, prefix, ...options }) });
      } finally {
        client.destroy();
      }
    });
  }
}

function connect(protocol: 2 | 3) {
  return createClient({ url: SERVER_URL, RESP: protocol }).connect();
}

function shop(store: RedisStore, maxAge = 600_000): Express {
  const options = { store, secret: SECRET, resave: false, saveUninitialized: false, cookie: { maxAge } };
  const application = express().use(session(options));
  application.get("/", ({ session: visit }, response) => {
    visit.visits = (visit.visits ?? 0) + 1;
    response.send(String(visit.visits));
  });
  application.get("/login", (request, response, next) => {
    request.session.regenerate((error) => {
      if (error) return next(error);
      request.session.user = String(request.query.user);
      response.send("welcome");
    });
  });
  application.get("/user", (request, response) => void response.send(request.session.user ?? "nobody"));
  application.get("/logout", (request, response, next) => {
    request.session.destroy((error) => (error ? next(error) : response.send("goodbye")));
  });
  application.get("/fill", (request, response) => {
    request.session.cart = Array.from({ length: Number(request.query.items) }, (_, index) =>
      String(index).padStart(50),
    );
    response.send(String(request.session.cart.length));
  });
  application.get("/cart", (request, response) => void response.send(String(request.session.cart?.join("").length)));
  return application;
}

/** Fetches pages and keeps the cookie it was given last. */
function createBrowser(): (url: string) => Promise<string> {
  let cookie = "";
  return async (url) => {
    const response = await fetch(url, { headers: { cookie } });
    equal(response.status, 200, `${url} gives ${response.status}`);
    const [given] = response.headers.getSetCookie();
    if (given !== undefined) {
      match(given, /^connect\.sid=/);
      cookie = given.split(";")[0] ?? "";
    }
    return response.text();
  };
}
