"""Writes and reads a key in every slot of a cluster, beginning with one address and going where its servers redirect.

Prints "16384 slots written and read by N addresses, M of them by MOVED" and what a cluster client of redis-py sees, or says which
address is none of those that are announced and exits 1. SEED (host:port), PASSWORD and PORTS, the announced ports with commas
between them, come from the environment.
"""
import os
import sys
from collections import defaultdict

from redis import Redis
from redis.cluster import RedisCluster
from redis.crc import key_slot
from redis.exceptions import MovedError

SLOTS = 16384
SEED = tuple(os.environ["SEED"].rsplit(":", 1))
PASSWORD = os.environ["PASSWORD"]
PORTS = {int(port) for port in os.environ["PORTS"].split(",")}


def one_key_a_slot():
    keys = {}
    number = 0
    while len(keys) < SLOTS:
        name = f"key:{number}"
        keys.setdefault(key_slot(name.encode()), name)
        number += 1
    return list(keys.values())


def check(port, where):
    if int(port) not in PORTS:
        sys.exit(f"{where} names port {port}, which is not announced")


def sent(address, keys, run):
    """What the server at that address answers, key by key; redirections are answers too."""
    with Redis(host=address[0], port=int(address[1]), password=PASSWORD, decode_responses=True) as client:
        pipe = client.pipeline(transaction=False)
        for key in keys:
            run(pipe, key)
        return dict(zip(keys, pipe.execute(raise_on_error=False)))


def through(run, expected, keys):
    """Addresses that served keys, and how many keys were redirected."""
    redirected = defaultdict(list)
    served = set()
    for key, answer in sent(SEED, keys, run).items():
        if isinstance(answer, MovedError):
            check(answer.port, "MOVED")
            redirected[(answer.host, answer.port)].append(key)
        elif answer == expected(key):
            served.add((SEED[0], int(SEED[1])))
        else:
            sys.exit(f"{key}: {answer!r}")
    for address, some in redirected.items():
        served.add((address[0], int(address[1])))
        for key, answer in sent(address, some, run).items():
            if answer != expected(key):
                sys.exit(f"{key} at {address}: {answer!r}")
    return served, sum(len(some) for some in redirected.values())


keys = one_key_a_slot()
through(lambda pipe, key: pipe.set(key, f"value of {key}"), lambda _: True, keys)
served, moved = through(lambda pipe, key: pipe.get(key), lambda key: f"value of {key}", keys)
print(f"{SLOTS} slots written and read by {len(served)} addresses, {moved} of them by MOVED")

cluster = RedisCluster(host=SEED[0], port=int(SEED[1]), password=PASSWORD, decode_responses=True)
nodes = cluster.get_nodes()
for node in nodes:
    check(node.port, f"CLUSTER SLOTS ({node.host})")
pipe = cluster.pipeline()
for key in keys:
    pipe.get(key)
wrong = [key for key, value in zip(keys, pipe.execute()) if value != f"value of {key}"]
if wrong:
    sys.exit(f"{len(wrong)} keys are not as written, {wrong[0]} first")
print(f"{len(nodes)} nodes shown, all by announced ports")
