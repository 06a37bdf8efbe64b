"""Load on a cluster by redis-py's cluster client, with a record of what was acknowledged: recorded-writes.ts in Python.

    recorded_writes.py PORT THREADS TAG...

Prints "writing" once every key has been written, writes on until its standard input ends, then reads all keys and prints
one line of JSON: how many writes were acknowledged, how many keys there must be, and every answer that was not right.
The password is that of redis-cli, REDISCLI_AUTH, if there is one.
"""
import json
import os
import random
import sys
import threading
import time

from redis.backoff import ConstantBackoff
from redis.cluster import RedisCluster
from redis.exceptions import ClusterDownError, RedisClusterException, SlotNotCoveredError
from redis.retry import Retry

MOST_FAULTS = 20
MOST_ATTEMPTS = 100


def come_or_go(client, key, count):
    return client.set(key, count, nx=True) if count % 2 == 0 else client.delete(key)


# For each kind: a write after `count` others, its answer, what is read after `count` writes, and the keys there are then.
KINDS = {
    "counter": (
        lambda client, key, count: client.incr(key),
        lambda count: count + 1,
        lambda client, key: client.get(key),
        lambda count: str(count),
        lambda count: 1,
    ),
    "comes-and-goes": (
        come_or_go,
        lambda count: 1,
        lambda client, key: client.exists(key),
        lambda count: count % 2,
        lambda count: count % 2,
    ),
    "pair": (
        lambda client, key, count: client.mset({key + ":a": count + 1, key + ":b": count + 1}),
        lambda count: True,
        lambda client, key: client.mget(key + ":a", key + ":b"),
        lambda count: [str(count), str(count)],
        lambda count: 2,
    ),
    "list": (
        lambda client, key, count: client.rpush(key, count),
        lambda count: count + 1,
        lambda client, key: client.lrange(key, 0, -1),
        lambda count: [str(n) for n in range(count)],
        lambda count: 1,
    ),
    "hash": (
        lambda client, key, count: client.hincrby(key, "field", 1),
        lambda count: count + 1,
        lambda client, key: client.hgetall(key),
        lambda count: {"field": str(count)},
        lambda count: 1,
    ),
}


class Writer(threading.Thread):
    def __init__(self, number, port, tags, stopping):
        super().__init__()
        self.stopping = stopping
        self.begun = threading.Event()
        self.faults = []
        self.random = random.Random(number)
        self.counts = {(kind, f"py:{kind}:{{{tag}}}:{number}"): 0 for tag in tags for kind in KINDS}
        self.port = port
        self.client = self.connect()

    def connect(self):
        options = {"decode_responses": True, "retry": Retry(ConstantBackoff(0.1), 100), "require_full_coverage": False}
        return RedisCluster(host="127.0.0.1", port=self.port, password=os.environ.get("REDISCLI_AUTH"), **options)

    def run(self):
        try:
            for kind, key in self.counts:
                self.write(kind, key)
            self.begun.set()
            everything = list(self.counts)
            while not self.stopping.is_set() and len(self.faults) < MOST_FAULTS:
                self.write(*self.random.choice(everything))
            for kind, key in everything:
                count = self.counts[kind, key]
                self.compare(f"read {key}", self.ask(KINDS[kind][2], key), KINDS[kind][3](count))
        except Exception as error:  # What it is tells the one who reads the report.
            self.faults.append(f"{type(error).__name__}: {error}")
        self.begun.set()

    def write(self, kind, key):
        count = self.counts[kind, key]
        self.compare(f"write {count} of {key}", self.ask(KINDS[kind][0], key, count), KINDS[kind][1](count))
        self.counts[kind, key] += 1

    def ask(self, command, *arguments):
        """While a slot has no owner redis-py gives up with these, before any node has taken the command."""
        for attempt in range(MOST_ATTEMPTS):
            try:
                if attempt > 0:
                    self.client = self.connect()
                return command(self.client, *arguments)
            except (ClusterDownError, SlotNotCoveredError, RedisClusterException, AttributeError) as error:
                last = error
                time.sleep(0.1)
        raise last

    def compare(self, what, answer, expected):
        if answer != expected:
            self.faults.append(f"{what}: {answer!r} instead of {expected!r}")


def main():
    port, threads, tags = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    stopping = threading.Event()
    writers = [Writer(number, port, tags, stopping) for number in range(threads)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.begun.wait()
    print("writing", flush=True)
    sys.stdin.read()
    stopping.set()
    for writer in writers:
        writer.join()
    counts = [(kind, count) for writer in writers for (kind, _), count in writer.counts.items()]
    report = {
        "acknowledged": sum(count for _, count in counts),
        "keys": sum(KINDS[kind][4](count) for kind, count in counts),
        "faults": [fault for writer in writers for fault in writer.faults],
    }
    print(json.dumps(report), flush=True)


main()
