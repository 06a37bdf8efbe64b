# Writes for a while through a Service, each write confirmed by a replica (WAIT 1), over whatever happens to the servers; then
# reads back all that were confirmed. Prints how many there were, how many are gone, and the longest time without one.
import os
import sys
import time

import redis

seconds = float(sys.argv[1])
options = {"password": os.environ["PASSWORD"], "socket_timeout": 2, "socket_connect_timeout": 2}


def connect():
    return redis.Redis(host=os.environ["HOST"], port=6379, **options)


confirmed = []
longest = 0.0
last = time.monotonic()
end = last + seconds
client = connect()
number = 0
while time.monotonic() < end:
    key = f"write:{number}"
    number += 1
    try:
        client.set(key, number)
        if client.wait(1, 1000) < 1:
            continue
    except redis.RedisError:
        client.close()
        time.sleep(0.05)
        client = connect()
        continue
    now = time.monotonic()
    longest = max(longest, now - last)
    last = now
    confirmed.append((key, number))


def read_back(key):
    """Servers may just be on their way back."""
    limit = time.monotonic() + 60
    while True:
        try:
            return client.get(key)
        except redis.RedisError:
            if time.monotonic() > limit:
                raise
            time.sleep(0.5)


client = connect()
gone = sum(1 for key, value in confirmed if read_back(key) != str(value).encode())
print(f"confirmed={len(confirmed)} gone={gone} longest={longest:.1f}")
