"""Writes as long as it is not told to stop, then reads every acknowledged write back.

    load.py SECONDS

Stops after SECONDS, or when the key "stop" is there. Prints how many writes were acknowledged and the longest time without
one; says which keys differ and exits 1. HOST, PORT and PASSWORD come from the environment.
"""
import os
import sys
import time

from redis.backoff import ConstantBackoff
from redis.cluster import RedisCluster
from redis.exceptions import RedisClusterException, RedisError
from redis.retry import Retry

KEYS = 2000


def patiently(action):
    """Until it succeeds: a write that failed may have happened, and is repeated with the same value."""
    while True:
        try:
            return action()
        except (RedisError, RedisClusterException, OSError):
            time.sleep(0.05)


def main(seconds):
    cluster = RedisCluster(
        host=os.environ["HOST"],
        port=int(os.environ.get("PORT", "6379")),
        password=os.environ["PASSWORD"],
        decode_responses=True,
        socket_timeout=3,
        retry=Retry(ConstantBackoff(0.1), 5),
    )
    written, longest, last = {}, 0.0, time.monotonic()
    end, number = last + seconds, 0
    while time.monotonic() < end:
        name = f"load:{number % KEYS}"
        patiently(lambda: cluster.set(name, number))
        written[name] = str(number)
        number += 1
        now = time.monotonic()
        longest, last = max(longest, now - last), now
        if number % 50 == 0 and patiently(lambda: cluster.exists("stop")):
            break
    wrong = [name for name, value in written.items() if patiently(lambda: cluster.get(name)) != value]
    if wrong:
        print(f"{len(wrong)} of {number} acknowledged writes are lost: {wrong[:5]}")
        return 1
    print(f"{number} writes, none lost, longest pause {longest:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
