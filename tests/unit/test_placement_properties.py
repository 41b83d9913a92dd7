"""What holds for every placement: no GPU is promised twice, labels count, what runs stays, no simple case is lost."""

from __future__ import annotations

from collections import defaultdict
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engines.size import GIB, ModelSize
from orchestrator.plan.placement import Facts, Place, Placed, place
from orchestrator.spec.hosts import Gpus, Host
from orchestrator.spec.models import Model

LABELS = ("fast", "lab")
MEMORIES = (16, 24, 48, 80)

gpus = st.integers(0, 4).flatmap(
    lambda count: st.builds(
        Gpus,
        count=st.just(count),
        memory_gib=st.one_of(
            st.none(), st.sampled_from(MEMORIES), st.lists(st.sampled_from(MEMORIES), min_size=count, max_size=count)
        ),
    )
)
labels = st.lists(st.sampled_from(LABELS), unique=True)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Model], list[Host], Facts]:
    hosts = [
        Host(name=f"h{n}", roles=["inference"], gpus=draw(gpus), labels=draw(labels))
        for n in range(draw(st.integers(1, 4)))
    ]
    models = [
        Model(
            name=f"m{n}",
            engine=draw(st.sampled_from(["vllm", "ollama"])),
            source="o/r",
            replicas=draw(st.integers(1, 3)),
            gpus=draw(st.sampled_from([None, 1, 2])),
            memory_gib=draw(st.sampled_from([None, 6, 10, 20])),
            labels=draw(st.one_of(st.just([]), labels)),
        )
        for n in range(draw(st.integers(1, 4)))
    ]
    sizes = {model.name: ModelSize(draw(st.integers(1, 60)) * GIB) for model in models if draw(st.booleans())}
    return models, hosts, Facts(sizes)


def where(placed: tuple[Placed, ...]) -> dict[tuple[str, int], Place]:
    return {(p.model.name, p.replica): Place(p.host.name, p.gpus) for p in placed}


@given(cases())
def test_no_gpu_is_promised_more_than_once(case: tuple[list[Model], list[Host], Facts]) -> None:
    models, hosts, facts = case
    used: dict[tuple[str, int], float] = defaultdict(float)
    whole: dict[tuple[str, int], int] = defaultdict(int)
    for placed in place(models, hosts, facts).placed:
        each = placed.host.gpus.each if placed.host.gpus else ()
        assert len(set(placed.gpus)) == len(placed.gpus)
        for gpu in placed.gpus:
            assert 0 <= gpu < len(each)
            used[placed.host.name, gpu] += placed.share or 1.0
            whole[placed.host.name, gpu] += placed.share is None
            memory, asked = each[gpu], placed.model.memory_gib
            if memory is not None and asked:
                assert asked <= memory
                assert placed.share is None or placed.share * memory >= asked - 0.01 * memory
    assert all(total <= 1 + 1e-9 for total in used.values())
    assert all(number == 1 for place_, number in whole.items() if number and used[place_] >= 1)


@given(cases())
def test_labels_are_respected_and_every_replica_is_placed_or_told(
    case: tuple[list[Model], list[Host], Facts],
) -> None:
    models, hosts, facts = case
    found = place(models, hosts, facts)
    assert all(set(p.model.labels) <= set(p.host.labels) for p in found.placed)
    told = {lack.model.name for lack in found.unplaced}
    for model in models:
        count = sum(p.model.name == model.name for p in found.placed)
        assert count == model.replicas or model.name in told
    assert place(models, hosts, facts) == found


@given(cases())
def test_the_order_of_hosts_in_the_file_loses_no_feasible_case(case: tuple[list[Model], list[Host], Facts]) -> None:
    models, hosts, facts = case
    feasible = {not place(models, list(order), facts).unplaced for order in permutations(hosts)}
    assert len(feasible) == 1


@given(cases(), st.booleans())
def test_a_host_more_moves_nothing_that_runs(case: tuple[list[Model], list[Host], Facts], first: bool) -> None:
    models, hosts, facts = case
    first_time = place(models, hosts, facts)
    before = where(first_time.placed)
    new = Host(name="new", roles=["inference"], gpus=Gpus(count=4, memory_gib=80), labels=list(LABELS))
    found = place(models, [new, *hosts] if first else [*hosts, new], facts, before)
    after = where(found.placed)
    if {key: after[key] for key in before} != before:  # moved only where some had no place before, and all have one now
        assert first_time.unplaced
        assert not found.unplaced


@given(cases())
def test_where_a_host_is_taken_away_the_others_keep_what_they_have(
    case: tuple[list[Model], list[Host], Facts],
) -> None:
    models, hosts, facts = case
    before = where(place(models, hosts, facts).placed)
    staying = {key: seat for key, seat in before.items() if seat.host != hosts[0].name}
    found = place(models, hosts[1:], facts, before)
    after = where(found.placed)
    if {key: after.get(key) for key in staying} != staying:
        assert not found.unplaced  # there was no room for the others unless one moved
