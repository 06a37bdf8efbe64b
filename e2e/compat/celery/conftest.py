"""Worker processes for tests, the server's client, and waiting for what others do."""

import os
import signal
import subprocess
import sys
import time
import uuid

import pytest
from jobs import app, notes

POLL_S = 0.02
START_S = 60


def until(condition, within_s=30):
    end = time.monotonic() + within_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("waited in vain")
        time.sleep(POLL_S)


class Worker:
    """A process that takes jobs from one queue."""

    def __init__(self, queue, *options, pool="threads", concurrency=4):
        self.name = f"{uuid.uuid4().hex}@here"
        arguments = ["--pool", pool, "--concurrency", str(concurrency), "--queues", queue, "--hostname", self.name]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "celery", "--app", "jobs", "worker", "--loglevel", "WARNING", *arguments, *options],
            cwd=os.path.dirname(__file__),
            start_new_session=True,
        )

    def ready(self):
        until(lambda: app.control.ping(destination=[self.name], timeout=0.3), START_S)
        return self

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            if how == signal.SIGKILL:
                os.killpg(self.process.pid, how)
            else:
                self.process.send_signal(how)
        self.process.wait(timeout=30)


@pytest.fixture
def start_worker():
    """Starts workers that are gone after the test."""
    workers = []

    def start(queue, *options, **settings):
        workers.append(Worker(queue, *options, **settings))
        return workers[-1].ready()

    yield start
    for worker in workers:
        worker.stop(signal.SIGKILL)


@pytest.fixture(scope="session")
def worker():
    """One on the queue that jobs go to where none is named, for all tests that need nothing else."""
    worker = Worker(app.conf.task_default_queue, "--task-events", concurrency=8).ready()
    yield worker
    worker.stop(signal.SIGKILL)


@pytest.fixture
def fresh():
    """A name that nobody else uses."""
    return uuid.uuid4().hex


@pytest.fixture
def server():
    return notes
