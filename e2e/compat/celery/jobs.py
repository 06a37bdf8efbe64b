"""The application under test: its tasks, imported by the worker processes and by the tests alike."""

import os
import time

from celery import Celery
from redis import Redis

URL = os.environ.get("KV_COMPAT_URL", "redis://127.0.0.1:6379/0")
# How long a job may be with a worker that says nothing of it before it is given to another one.
VISIBILITY_TIMEOUT_S = 2
PRIORITY_STEPS = [0, 3, 6, 9]

app = Celery("jobs", broker=URL, backend=URL)
app.conf.update(
    task_acks_late=True,
    task_track_started=True,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    result_expires=600,
    result_extended=True,
    broker_transport_options={
        "visibility_timeout": VISIBILITY_TIMEOUT_S,
        "priority_steps": PRIORITY_STEPS,
        "queue_order_strategy": "priority",
    },
    task_queue_max_priority=9,
)

notes = Redis.from_url(URL, decode_responses=True)


class Unlucky(Exception):
    """What jobs fail with here on purpose."""


@app.task
def add(x, y):
    return x + y


@app.task
def total(numbers):
    return sum(numbers)


@app.task
def echo(value):
    return value


@app.task
def fail(text):
    raise Unlucky(text)


@app.task
def note(key, value):
    """Leaves a trace, for what gives no result."""
    notes.rpush(key, value)
    return value


@app.task(ignore_result=True)
def note_silently(key, value):
    notes.rpush(key, value)


@app.task(bind=True, max_retries=5)
def succeed_at(self, key, attempt):
    """Fails until it is tried for the n-th time."""
    if notes.incr(key) < attempt:
        raise self.retry(countdown=0.1, exc=Unlucky("too early"))
    return self.request.retries


@app.task(bind=True)
def report(self, steps):
    for step in range(steps):
        self.update_state(state="PROGRESS", meta={"done": step + 1, "of": steps})
        time.sleep(0.15)
    return "done"


@app.task(bind=True)
def hang_first_time(self, key):
    """Never ends where it is run for the first time."""
    notes.rpush(key, self.request.hostname)
    while notes.llen(key) == 1:
        time.sleep(0.02)
    return self.request.hostname


@app.task
def hang(key):
    notes.rpush(key, "taken")
    while True:
        time.sleep(0.02)
