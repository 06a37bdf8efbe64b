"""Jobs that belong together: chains, groups, chords, and what becomes of them when one fails."""

import pytest
from celery import chain, chord, group
from celery.exceptions import ChordError
from conftest import until
from jobs import Unlucky, add, echo, fail, note, total

WAIT_S = 30


def test_a_chain_hands_results_on(worker):
    result = chain(add.s(1, 2), add.s(3), add.s(4)).apply_async()
    assert result.get(timeout=WAIT_S) == 10
    assert [result.parent.get(timeout=WAIT_S), result.parent.parent.get(timeout=WAIT_S)] == [6, 3]


def test_a_chain_ends_at_an_error(worker, fresh, server):
    result = chain(echo.s(1), fail.si("stop"), note.si(fresh, "never")).apply_async()
    with pytest.raises(Unlucky):
        result.get(timeout=WAIT_S)
    assert server.llen(fresh) == 0


def test_a_group_gives_results_in_its_order(worker):
    result = group(add.s(number, number) for number in range(100)).apply_async()
    assert result.get(timeout=WAIT_S) == [2 * number for number in range(100)]
    assert result.completed_count() == 100


def test_a_group_can_be_saved_and_found_again(worker):
    result = group(echo.s(number) for number in range(5)).apply_async()
    result.save()
    again = type(result).restore(result.id, app=result.app)
    assert again.get(timeout=WAIT_S) == list(range(5))
    again.delete()
    assert type(result).restore(result.id, app=result.app) is None


@pytest.mark.parametrize("size", [1, 2, 50])
def test_a_chord_waits_for_all(worker, size):
    header = [add.s(number, 1) for number in range(size)]
    assert chord(header)(total.s()).get(timeout=WAIT_S) == sum(range(1, size + 1))


def test_a_chord_of_chains_and_groups(worker):
    header = group(chain(add.s(number, 1), add.s(1)) for number in range(10))
    flow = chain(header, total.s(), add.s(1000))
    assert flow.apply_async().get(timeout=WAIT_S) == sum(number + 2 for number in range(10)) + 1000


def test_chords_within_chords(worker):
    inner = [chord([add.s(number, 1), add.s(number, 2)], total.s()) for number in range(5)]
    result = chord(inner, total.s()).apply_async()
    assert result.get(timeout=WAIT_S) == sum(2 * number + 3 for number in range(5))


def test_a_chord_fails_with_its_header(worker, fresh, server):
    body = note.si(fresh, "never")
    result = chord([echo.s(1), fail.s("no luck")])(body)
    with pytest.raises((ChordError, Unlucky), match="no luck"):
        result.get(timeout=WAIT_S)
    assert server.llen(fresh) == 0


def test_what_is_linked_runs_behind(worker, fresh, server):
    echo.apply_async(
        ("x",), link=note.si(f"{fresh}:ok", "yes"), link_error=note.si(f"{fresh}:bad", "no")
    ).get(timeout=WAIT_S)
    until(lambda: server.llen(f"{fresh}:ok") == 1)
    with pytest.raises(Unlucky):
        fail.apply_async(("x",), link_error=note.si(f"{fresh}:bad", "yes")).get(timeout=WAIT_S)
    until(lambda: server.lrange(f"{fresh}:bad", 0, -1) == ["yes"])


def test_maps_and_chunks(worker):
    assert add.starmap([(1, 2), (3, 4)]).apply_async().get(timeout=WAIT_S) == [3, 7]
    pairs = list(zip(range(20), range(20)))
    result = add.chunks(pairs, 5).group().apply_async()
    assert sum(result.get(timeout=WAIT_S), []) == [2 * number for number in range(20)]
