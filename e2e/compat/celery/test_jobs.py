"""Single jobs: results, errors, retries, times, priorities, what is kept of them."""

import time
from datetime import datetime, timedelta, timezone

import pytest
from celery.exceptions import TaskRevokedError
from celery.result import AsyncResult
from conftest import until
from jobs import PRIORITY_STEPS, Unlucky, add, app, echo, fail, note, note_silently, report, succeed_at

WAIT_S = 30


def test_results_of_many_jobs(worker):
    results = [add.apply_async((number, 1)) for number in range(300)]
    assert [result.get(timeout=WAIT_S) for result in results] == [number + 1 for number in range(300)]
    assert all(result.successful() for result in results)


@pytest.mark.parametrize("value", ["Jürgen 😀", {"a": [1, 2.5, None, True]}, "x" * 2_000_000, ""])
def test_values_come_back_as_they_were(worker, value):
    assert echo.apply_async((value,)).get(timeout=WAIT_S) == value


def test_an_error_is_told_with_its_kind_and_place(worker):
    result = fail.apply_async(("no luck",))
    with pytest.raises(Unlucky, match="no luck"):
        result.get(timeout=WAIT_S)
    assert result.failed()
    assert "in fail" in AsyncResult(result.id, app=app).traceback


def test_a_job_is_tried_until_it_succeeds(worker, fresh):
    result = succeed_at.apply_async((fresh, 4))
    assert result.get(timeout=WAIT_S) == 3


def test_a_job_fails_for_good_after_its_last_try(worker, fresh, server):
    with pytest.raises(Unlucky, match="too early"):
        succeed_at.apply_async((fresh, 100)).get(timeout=WAIT_S)
    assert server.get(fresh) == "6"


def test_a_job_waits_for_its_time(worker):
    sent = time.time()
    later = add.apply_async((1, 1), countdown=1)
    at = add.apply_async((2, 2), eta=datetime.now(timezone.utc) + timedelta(seconds=1))
    assert add.apply_async((3, 3)).get(timeout=WAIT_S) == 6
    for result, value in [(later, 2), (at, 4)]:
        assert result.get(timeout=WAIT_S) == value
        done = result.date_done
        done = done if isinstance(done, datetime) else datetime.fromisoformat(done)
        assert done.replace(tzinfo=timezone.utc).timestamp() >= sent + 0.9


def test_a_job_that_comes_too_late_is_not_run(start_worker, fresh, server):
    late = note.apply_async((fresh, "late"), queue=fresh, expires=0.05)
    time.sleep(0.1)
    start_worker(fresh)
    with pytest.raises(TaskRevokedError):
        late.get(timeout=WAIT_S)
    assert server.llen(f"{fresh}:notes") == 0


def test_more_important_jobs_come_first(start_worker, fresh, server):
    key = f"{fresh}:notes"
    for priority in reversed(PRIORITY_STEPS):
        for number in range(5):
            note.apply_async((key, f"{priority}-{number}"), queue=fresh, priority=priority)
    start_worker(fresh, pool="solo", concurrency=1)
    until(lambda: server.llen(key) == 5 * len(PRIORITY_STEPS))
    assert server.lrange(key, 0, -1) == [f"{priority}-{number}" for priority in PRIORITY_STEPS for number in range(5)]


def test_jobs_of_a_queue_run_in_their_order(start_worker, fresh, server):
    key = f"{fresh}:notes"
    for number in range(100):
        note.apply_async((key, number), queue=fresh)
    start_worker(fresh, pool="solo", concurrency=1)
    until(lambda: server.llen(key) == 100)
    assert server.lrange(key, 0, -1) == [str(number) for number in range(100)]


def test_progress_is_seen_from_outside(worker):
    result = report.apply_async((4,))
    seen = []
    assert result.get(timeout=WAIT_S, on_message=lambda body: seen.append(body["status"])) == "done"
    assert "PROGRESS" in seen
    assert seen[-1] == "SUCCESS"


def test_results_expire_and_can_be_forgotten(worker, server):
    result = echo.apply_async(("x",))
    assert result.get(timeout=WAIT_S) == "x"
    key = f"celery-task-meta-{result.id}"
    assert 590 < server.ttl(key) <= 600
    result.forget()
    assert not server.exists(key)
    assert AsyncResult(result.id, app=app).state == "PENDING"


def test_nothing_is_kept_of_a_job_without_result(worker, fresh, server):
    result = note_silently.apply_async((fresh, "done"))
    until(lambda: server.llen(fresh) == 1)
    assert not server.exists(f"celery-task-meta-{result.id}")


def test_a_queue_can_be_counted_and_emptied(fresh, server):
    for number in range(10):
        echo.apply_async((number,), queue=fresh)
    assert server.llen(fresh) == 10
    with app.connection_for_write() as connection:
        assert connection.default_channel.queue_purge(fresh) == 10
    assert server.llen(fresh) == 0


