"""Writes and checks keys of all five basic types through redis-py's cluster client.

    keys.py write COUNT [START] | check COUNT [START]

Key i from START (0) on has type i mod 5 and a value that follows from i, so a check needs no memory of the write. Prints
"COUNT keys written" or "COUNT keys as written", or says which keys differ and exits 1. HOST, PORT and PASSWORD come
from the environment; with ALONE it is a server without a cluster.
"""
import os
import sys

from redis import Redis
from redis.backoff import ConstantBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry

BATCH = 500
TYPES = ("string", "list", "set", "zset", "hash")


def key(i):
    return f"{TYPES[i % 5]}:{i}"


def write(pipe, i):
    name = key(i)
    kind = TYPES[i % 5]
    if kind == "string":
        pipe.set(name, f"value-{i}")
        return
    pipe.delete(name)
    if kind == "list":
        pipe.rpush(name, f"a{i}", f"b{i}", f"c{i}")
    elif kind == "set":
        pipe.sadd(name, f"m{i}", i, "common")
    elif kind == "zset":
        pipe.zadd(name, {f"m{i}": i, "low": -1.5, "high": i + 0.25})
    else:
        pipe.hset(name, mapping={"id": i, "name": f"name-{i}"})


def read(pipe, i):
    name = key(i)
    kind = TYPES[i % 5]
    if kind == "string":
        pipe.get(name)
    elif kind == "list":
        pipe.lrange(name, 0, -1)
    elif kind == "set":
        pipe.smembers(name)
    elif kind == "zset":
        pipe.zrange(name, 0, -1, withscores=True)
    else:
        pipe.hgetall(name)


def expected(i):
    kind = TYPES[i % 5]
    if kind == "string":
        return f"value-{i}"
    if kind == "list":
        return [f"a{i}", f"b{i}", f"c{i}"]
    if kind == "set":
        return {f"m{i}", str(i), "common"}
    if kind == "zset":
        return [("low", -1.5), (f"m{i}", float(i)), ("high", i + 0.25)]
    return {"id": str(i), "name": f"name-{i}"}


def batches(count, first):
    for start in range(first, first + count, BATCH):
        yield range(start, min(start + BATCH, first + count))


def main(verb, count, first=0):
    connect = Redis if "ALONE" in os.environ else RedisCluster
    client = connect(
        host=os.environ["HOST"],
        port=int(os.environ.get("PORT", "6379")),
        password=os.environ["PASSWORD"],
        decode_responses=True,
        retry=Retry(ConstantBackoff(0.2), 20),
    )
    step = write if verb == "write" else read
    wrong = []
    for batch in batches(count, first):
        pipe = client.pipeline()
        for i in batch:
            step(pipe, i)
        replies = pipe.execute()
        if verb == "check":
            wrong += [(key(i), reply) for i, reply in zip(batch, replies) if reply != expected(i)]
    if wrong:
        print(f"{len(wrong)} of {count} keys differ, first: {wrong[:5]}")
        return 1
    print(f"{count} keys {'written' if verb == 'write' else 'as written'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:])))
