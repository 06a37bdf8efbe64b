"""Writes until it is told to stop, remembers every acknowledged write, and reads them all back.

Each key is written once, with a value that follows from its name: so a write that is repeated or comes late does no harm, and
one that is lost is missing. One writer a range of slots, so that a shard that stands still does not hide how the others do.

Commands come by the standard input, one a line, and each is answered by a line of JSON:

    period  what happened since the last such question: writes, errors by kind, longest time without a write in each range
    idle    how long each range has been without a write
    check   reads back what was acknowledged since the last check
    end     stops writing and reads everything back, and ends the program, as the end of the input does

NODES (host:port, comma separated), PASSWORD, COPIES (0: a write counts once it is answered, by redis-py with the retries that
it has by default; n: once WAIT knows of n copies), RANGES and RATE (writes a second, all ranges together) come from the environment.
"""
import json
import os
import sys
import threading
import time

from redis.cluster import ClusterNode, RedisCluster
from redis.crc import key_slot
from redis.exceptions import MovedError, RedisClusterException, RedisError

COPIES = int(os.environ.get("COPIES", "0"))
RANGES = int(os.environ.get("RANGES", "6"))
RATE = float(os.environ.get("RATE", "600"))
SLOTS = 16384
BATCH = 500
WAIT_MS = 1000
PAUSE_S = 0.05
REDIRECTIONS = 5
FAILURES = (RedisError, RedisClusterException, OSError)


def connect():
    nodes = [ClusterNode(host, int(port)) for host, port in (one.rsplit(":", 1) for one in os.environ["NODES"].split(","))]
    return RedisCluster(
        startup_nodes=nodes,
        password=os.environ["PASSWORD"],
        decode_responses=True,
        socket_timeout=3,
        socket_connect_timeout=1,
    )


def name_of(number):
    return f"load:{number}"


def patiently(action):
    while True:
        try:
            return action()
        except FAILURES:
            time.sleep(PAUSE_S)


class NotCopied(RedisError):
    """It was written, but there are fewer copies than asked for."""


class Writer(threading.Thread):
    def __init__(self, index):
        super().__init__(daemon=True)
        self.index = index
        self.cluster = patiently(connect)
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.acknowledged = []
        self.writes, self.errors, self.longest = 0, {}, 0.0
        self.last = time.monotonic()

    def run(self):
        number, due = 0, time.monotonic()
        while not self.ended.is_set():
            if key_slot(name_of(number).encode()) * RANGES // SLOTS == self.index:
                self.write(number)
                due = max(due + RANGES / RATE, time.monotonic() - 1)
                time.sleep(max(0.0, due - time.monotonic()))
            number += 1

    def write(self, number):
        while not self.ended.is_set():
            try:
                (self.write_copies if COPIES else self.write_plainly)(name_of(number), str(number))
                break
            except FAILURES as error:
                with self.lock:
                    kind = f"{type(error).__name__}: {error}"[:60]
                    self.errors[kind] = self.errors.get(kind, 0) + 1
                time.sleep(PAUSE_S)
        else:
            return
        now = time.monotonic()
        with self.lock:
            self.acknowledged.append(number)
            self.writes += 1
            self.longest, self.last = max(self.longest, now - self.last), now

    def write_plainly(self, name, value):
        self.cluster.set(name, value)

    def write_copies(self, name, value):
        manager = self.cluster.nodes_manager
        for _ in range(REDIRECTIONS):
            try:
                return self.set_and_wait(name, value)
            except MovedError as moved:
                manager.update_moved_exception(moved)
            except FAILURES:
                manager.initialize()
                raise
        raise RedisClusterException("too many redirections")

    def set_and_wait(self, name, value):
        """On one connection, since WAIT speaks of what its own connection has written."""
        node = self.cluster.nodes_manager.get_node_from_slot(key_slot(name.encode()))
        pipe = self.cluster.get_redis_connection(node).pipeline(transaction=False)
        pipe.set(name, value)
        pipe.execute_command("WAIT", COPIES, WAIT_MS)
        written, copies = pipe.execute(raise_on_error=False)
        for reply in (written, copies):
            if isinstance(reply, Exception):
                raise reply
        if copies < COPIES:
            raise NotCopied(f"{copies} copies")

    def period(self):
        with self.lock:
            longest = max(self.longest, time.monotonic() - self.last)
            facts = (self.writes, self.errors, longest)
            self.writes, self.errors, self.longest = 0, {}, 0.0
        return facts


class Load:
    def __init__(self):
        self.cluster = patiently(connect)
        self.began = time.monotonic()
        self.writers = [Writer(index) for index in range(RANGES)]
        self.checked = [0] * RANGES
        for writer in self.writers:
            writer.start()

    def period(self):
        now, errors = time.monotonic(), {}
        seconds, self.began = now - self.began, now
        facts = [writer.period() for writer in self.writers]
        for _, kinds, _ in facts:
            for kind, count in kinds.items():
                errors[kind] = errors.get(kind, 0) + count
        gaps = [round(longest, 2) for _, _, longest in facts]
        return {"seconds": round(seconds, 1), "writes": sum(fact[0] for fact in facts), "errors": errors, "gaps": gaps}

    def idle(self):
        return [round(time.monotonic() - writer.last, 2) for writer in self.writers]

    def check(self):
        numbers = []
        for index, writer in enumerate(self.writers):
            with writer.lock:
                numbers += writer.acknowledged[self.checked[index]:]
                self.checked[index] = len(writer.acknowledged)
        return {"checked": len(numbers), "lost": self.lost(numbers)}

    def end(self):
        for writer in self.writers:
            writer.ended.set()
        for writer in self.writers:
            writer.join()
        period = self.period()
        self.checked = [0] * RANGES
        return {**period, **self.check()}

    def lost(self, numbers):
        found = []
        for start in range(0, len(numbers), BATCH):
            batch = numbers[start:start + BATCH]
            values = patiently(lambda: self.read(batch))
            found += [name_of(number) for number, value in zip(batch, values) if value != str(number)]
        return found

    def read(self, numbers):
        pipe = self.cluster.pipeline()
        for number in numbers:
            pipe.get(name_of(number))
        return pipe.execute()


if __name__ == "__main__":
    load = Load()
    answers = {"period": load.period, "idle": load.idle, "check": load.check, "end": load.end}
    for line in sys.stdin:
        print(json.dumps(answers[line.strip()]()), flush=True)
        if line.strip() == "end":
            break
