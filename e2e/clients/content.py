"""What a cluster holds, to compare two of them: whatever keys.py does not write, and a digest of every key.

    content.py enrich | digest SHARD

`enrich` writes streams with groups, keys and hash fields that expire, HyperLogLogs, large values and a library of functions.
`digest` prints, for the SHARD-th primary, how many keys it has and the exclusive or of their digests, which go over name,
type, value and time to live; so the sum over all shards is the same however the keys are spread. HOST, PORT and PASSWORD
come from the environment.
"""
import hashlib
import os
import sys

from redis.backoff import ConstantBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry

BATCH = 1000
FAR = 4102444800000  # 2100-01-01
LIBRARY = "#!lua name=lib\nredis.register_function('answer', function() return 42 end)"
BYTES = bytes(range(256))


def enrich(cluster):
    for i in range(50):
        for k in range(i + 1):
            cluster.xadd(f"stream:{i}", {"n": k, "bytes": BYTES}, id=f"{k + 1}-{i}")
        cluster.xgroup_create(f"stream:{i}", "group", id="0")
        cluster.xreadgroup("group", "consumer", {f"stream:{i}": ">"}, count=3)
        cluster.set(f"expires:{i}", i, pxat=FAR + i)
        cluster.pfadd(f"visitors:{i}", *range(i * 40))
        cluster.hset(f"fields:{i}", mapping={"lasting": i, "leaving": i})
        cluster.execute_command("HPEXPIREAT", f"fields:{i}", FAR + i, "FIELDS", 1, "leaving")
        cluster.setbit(f"bits:{i}", i * 1000, 1)
        cluster.geoadd(f"places:{i}", (i, i, "here"))
    cluster.set(b"binary:" + BYTES, BYTES)
    cluster.set("large:string", BYTES * 16384)
    for kind, write in (
        ("list", lambda p, i: p.rpush("large:list", f"item-{i}")),
        ("set", lambda p, i: p.sadd("large:set", f"member-{i}")),
        ("zset", lambda p, i: p.zadd("large:zset", {f"member-{i}": i / 3})),
        ("hash", lambda p, i: p.hset("large:hash", f"field-{i}", i)),
    ):
        pipe = cluster.pipeline()
        for i in range(20_000):
            write(pipe, i)
        pipe.execute()
    cluster.function_load(LIBRARY, replace=True)


READS = {
    b"string": lambda p, name: p.get(name),
    b"list": lambda p, name: p.lrange(name, 0, -1),
    b"set": lambda p, name: p.smembers(name),
    b"zset": lambda p, name: p.zrange(name, 0, -1, withscores=True),
    b"hash": lambda p, name: p.hgetall(name),
    b"stream": lambda p, name: p.xrange(name),
}


def canonical(value):
    if isinstance(value, dict):
        return sorted(value.items())
    return sorted(value) if isinstance(value, set) else value


def digest_of(*parts):
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:16], "big")


def more_of(client, kind, name, value):
    if kind == b"stream":
        pending = client.xpending_range(name, "group", "-", "+", 100)
        return [(entry["message_id"], entry["consumer"]) for entry in pending]
    if name.startswith(b"fields:"):
        return client.execute_command("HPEXPIRETIME", name, "FIELDS", len(value), *sorted(value))
    return None


def digest(cluster, shard):
    node = sorted(cluster.get_primaries(), key=lambda one: one.name)[shard]
    client = cluster.get_redis_connection(node)
    assert [library[1] for library in client.function_list()] == [b"lib"]
    count, total, cursor = 0, 0, 0
    while True:
        cursor, names = client.scan(cursor, count=BATCH)
        names = list(set(names))
        pipe = client.pipeline(transaction=False)
        for name in names:
            pipe.type(name)
            pipe.pexpiretime(name)
        facts = pipe.execute()
        pipe = client.pipeline(transaction=False)
        for name, kind in zip(names, facts[::2]):
            READS[kind](pipe, name)
        for name, kind, expiry, value in zip(names, facts[::2], facts[1::2], pipe.execute()):
            value = canonical(value)
            total ^= digest_of(name, kind, expiry, value, more_of(client, kind, name, dict(value) if kind == b"hash" else value))
            count += 1
        if cursor == 0:
            break
    print(f"{count} {total:032x}")


if __name__ == "__main__":
    cluster = RedisCluster(
        host=os.environ["HOST"],
        port=int(os.environ.get("PORT", "6379")),
        password=os.environ.get("PASSWORD"),
        retry=Retry(ConstantBackoff(0.2), 20),
    )
    if sys.argv[1] == "enrich":
        enrich(cluster)
    else:
        digest(cluster, int(sys.argv[2]))
