"""Workers: killed, stopped, cut off and controlled; messages for all of them, events, schedules."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from celery.exceptions import TaskRevokedError
from conftest import until
from jobs import VISIBILITY_TIMEOUT_S, app, echo, hang, hang_first_time, note

WAIT_S = 40


def test_a_job_of_a_killed_worker_is_done_by_another(start_worker, fresh, server):
    key = f"{fresh}:notes"
    first = start_worker(fresh, pool="solo", concurrency=1)
    result = hang_first_time.apply_async((key,), queue=fresh)
    until(lambda: server.llen(key) == 1)
    first.stop(signal.SIGKILL)
    assert server.hlen("unacked") >= 1
    time.sleep(VISIBILITY_TIMEOUT_S)
    second = start_worker(fresh, pool="solo", concurrency=1)
    assert result.get(timeout=WAIT_S) == second.name
    assert server.lrange(key, 0, -1) == [first.name, second.name]


def test_a_worker_that_is_told_to_stop_gives_back_what_it_has_not_begun(start_worker, fresh, server):
    worker = start_worker(fresh, "--prefetch-multiplier", "10", pool="solo", concurrency=1)
    later = [note.apply_async((f"{fresh}:notes", number), queue=fresh, countdown=3600) for number in range(5)]
    until(lambda: server.llen(fresh) == 0 and len(app.control.inspect([worker.name]).scheduled()[worker.name]) == 5)
    worker.stop()
    assert server.llen(fresh) == 5
    assert all(result.state == "PENDING" for result in later)


def test_workers_share_a_queue_and_no_job_is_done_twice(start_worker, fresh, server):
    key = f"{fresh}:notes"
    for _ in range(3):
        start_worker(fresh)
    results = [note.apply_async((key, number), queue=fresh) for number in range(600)]
    for result in results:
        result.get(timeout=WAIT_S)
    assert sorted(map(int, server.lrange(key, 0, -1))) == list(range(600))


def test_a_worker_goes_on_after_its_connections_were_closed(start_worker, worker, fresh, server):
    # What this process needs is connected before.
    assert echo.delay(1).get(timeout=WAIT_S) == 1
    app.control.ping(timeout=0.3)
    others = {client["id"] for client in server.client_list()}
    victim = start_worker(fresh)
    for client in server.client_list():
        if client["id"] not in others:
            server.client_kill_filter(_id=client["id"])
    results = [echo.apply_async((number,), queue=fresh) for number in range(50)]
    until(lambda: all(result.ready() for result in results))
    assert [result.get(timeout=WAIT_S) for result in results] == list(range(50))
    assert victim.process.poll() is None


def test_a_revoked_job_is_not_run(start_worker, fresh, server):
    worker = start_worker(fresh)
    result = note.apply_async((f"{fresh}:notes", "never"), queue=fresh, countdown=1)
    until(lambda: app.control.inspect([worker.name]).scheduled()[worker.name])
    result.revoke()
    with pytest.raises(TaskRevokedError):
        result.get(timeout=WAIT_S)
    assert server.llen(f"{fresh}:notes") == 0


def test_a_running_job_is_ended(start_worker, fresh, server):
    start_worker(fresh, pool="prefork", concurrency=1)
    result = hang.apply_async((f"{fresh}:notes",), queue=fresh)
    until(lambda: server.llen(f"{fresh}:notes") == 1)
    result.revoke(terminate=True, signal="SIGKILL")
    with pytest.raises(TaskRevokedError):
        result.get(timeout=WAIT_S)
    assert echo.apply_async(("next",), queue=fresh).get(timeout=WAIT_S) == "next"


def test_workers_answer_questions_and_take_orders(start_worker, fresh, server):
    worker = start_worker(fresh)
    inspect = app.control.inspect([worker.name], timeout=5)
    assert "jobs.add" in inspect.registered()[worker.name]
    assert [queue["name"] for queue in inspect.active_queues()[worker.name]] == [fresh]
    app.control.add_consumer(f"{fresh}-more", destination=[worker.name], reply=True)
    assert echo.apply_async(("more",), queue=f"{fresh}-more").get(timeout=WAIT_S) == "more"
    app.control.cancel_consumer(f"{fresh}-more", destination=[worker.name], reply=True)
    echo.apply_async(("waits",), queue=f"{fresh}-more")
    assert echo.apply_async(("here",), queue=fresh).get(timeout=WAIT_S) == "here"
    until(lambda: server.llen(f"{fresh}-more") == 1)
    stats = inspect.stats()[worker.name]
    assert stats["total"]["jobs.echo"] == 2


def test_orders_reach_every_worker(start_worker, fresh):
    workers = [start_worker(fresh).name for _ in range(2)]
    replies = app.control.rate_limit("jobs.note", "100/s", destination=workers, reply=True, timeout=5)
    assert sorted(name for reply in replies for name in reply) == sorted(workers)


def test_events_tell_what_becomes_of_a_job(worker):
    seen = {}

    def keep(event):
        seen.setdefault(event.get("uuid"), []).append(event["type"])

    def listen():
        with app.connection_for_read() as connection:
            app.events.Receiver(connection, handlers={"*": keep}).capture(limit=None, timeout=None, wakeup=True)

    threading.Thread(target=listen, daemon=True).start()
    # The worker tells of itself every two seconds.
    until(lambda: None in seen)
    result = echo.delay("watched")
    until(lambda: "task-succeeded" in seen.get(result.id, []))
    assert seen[result.id] == ["task-received", "task-started", "task-succeeded"]


def test_jobs_come_by_a_schedule(start_worker, fresh, server, tmp_path):
    start_worker(fresh)
    script = tmp_path / "schedule.py"
    script.write_text(
        "from jobs import app\n"
        f"app.conf.beat_schedule = {{'often': {{'task': 'jobs.note_silently', 'schedule': 0.2, 'args': ('{fresh}:notes', 'tick'), 'options': {{'queue': '{fresh}'}}}}}}\n"
        "app.conf.beat_max_loop_interval = 0.1\n"
        f"app.start(['beat', '--schedule', '{tmp_path}/state', '--loglevel', 'WARNING'])\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(__file__)}
    beat = subprocess.Popen([sys.executable, str(script)], cwd=tmp_path, env=environment)
    try:
        until(lambda: server.llen(f"{fresh}:notes") >= 5)
    finally:
        beat.kill()
        beat.wait()
