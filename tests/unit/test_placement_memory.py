"""Weights, KV cache and the engine's own share must fit; what does not says by how much, and what would."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.engines.size import GIB, ModelSize, known_sizes
from orchestrator.errors import SpecError
from orchestrator.plan.placement import Facts, Place, Placement, place
from orchestrator.plan.stacks import Known, plan_stacks
from orchestrator.spec.hosts import Gpus, Host
from orchestrator.spec.models import Model
from orchestrator.workflow.wanted.desired import planned
from tests.unit.spec_samples import spec_of, told, with_models

LLAMA_8B, LLAMA_70B = "meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-70B-Instruct"


def host(name: str, count: int, memory: float | list[float] | None = None, **fields: object) -> Host:
    gpus = {"count": count, "memory_gib": memory} if memory else {"count": count}
    return Host.model_validate({"name": name, "roles": ["inference"], "gpus": gpus, **fields})


def model(name: str, source: str = LLAMA_8B, **fields: object) -> Model:
    return Model.model_validate({"name": name, "engine": "vllm", "source": source, "context": 8192, **fields})


def spread(models: list[Model], hosts: list[Host], **known: object) -> Placement:
    return place(models, hosts, Facts(known_sizes(models), **known))  # type: ignore[arg-type]


def seats(found: Placement) -> list[tuple[str, str, tuple[int, ...]]]:
    return [(p.model.name, p.host.name, p.gpus) for p in found.placed]


def test_a_model_goes_where_its_weights_and_requests_have_room() -> None:
    assert seats(spread([model("m")], [host("small", 4, 16), host("large", 1, 24)])) == [("m", "large", (0,))]


def test_what_is_short_is_told_with_the_sum() -> None:
    (lack,) = spread([model("m")], [host("small", 1, 16)]).unplaced
    assert lack.reason == (
        "replica 1 of 1 does not fit: small has 0 of 1 GPUs with 21.1 GiB free (5.15 GiB short)"
        " (each of its GPUs needs 21.1 GiB, of which the engine takes 92%:"
        " 15 GiB of weights, 3.5 GiB for the engine, 1 GiB of KV cache for 2 requests of 4096 tokens)"
    )


def test_the_gpus_of_a_host_may_differ_and_the_smallest_of_a_replica_counts() -> None:
    mixed = host("h", 4, [24, 64, 24, 64])
    assert seats(spread([model("m", LLAMA_70B, gpus=2)], [mixed])) == []
    assert seats(spread([model("m", LLAMA_70B, gpus=2)], [host("h", 4, [24, 96, 24, 96])])) == [("m", "h", (1, 3))]
    both = [model("m"), model("n")]
    assert seats(spread(both, [mixed])) == [("m", "h", (0,)), ("n", "h", (2,))]  # the large ones stay free
    (placed,) = spread([model("m", memory_gib=12, gpus=2)], [host("h", 2, [24, 48])]).placed
    assert (placed.gpus, placed.share, placed.memory_gib) == ((0, 1), 0.5, 24)


def test_gpus_that_were_found_count_where_none_are_declared() -> None:
    bare = Host(name="h", roles=["inference"])
    assert spread([model("m")], [bare]).unplaced
    assert seats(spread([model("m")], [bare], found={"h": Gpus(count=1, memory_gib=24)})) == [("m", "h", (0,))]
    declared = host("h", 1, 24)
    assert not spread([model("m")], [declared], found={"h": Gpus(count=0)}).unplaced


def test_a_memory_that_is_not_known_is_not_held_against_a_gpu() -> None:
    assert seats(spread([model("m", LLAMA_70B)], [host("h", 1)])) == [("m", "h", (0,))]


def test_gpus_that_cannot_divide_the_heads_are_refused_whatever_there_is() -> None:
    (lack,) = spread([model("m", gpus=3)], [host("h", 8, 80)]).unplaced
    assert lack.reason == "its 32 attention heads can't be split over 3 GPUs"


def test_labels_lead_to_hosts_that_have_all_of_them() -> None:
    hosts = [host("a", 2, 24), host("b", 2, 24, labels=["fast"]), host("c", 1, 24, labels=["fast", "lab"])]
    assert seats(spread([model("m", labels=["lab", "fast"])], hosts)) == [("m", "c", (0,))]
    found = spread([model("m", labels=["fast"], replicas=4)], hosts)
    assert seats(found) == [("m", "b", (0,)), ("m", "c", (0,)), ("m", "b", (1,))]
    assert "; a " not in found.unplaced[0].reason


def test_a_label_of_no_host_is_told_with_the_nearest(tmp_path: Path) -> None:
    hosts = "hosts: [{name: a, labels: [a100, lab]}, {name: b, address: b.lan, roles: [inference], labels: [h100]}]\n"
    text = "name: m, engine: ollama, source: x, labels: "
    assert told(tmp_path, with_models(text + "[a10]") + hosts) == [
        "workshop.yaml:5:51: models[1].labels[1]: no host with the role inference has the label 'a10'. Did you mean 'a100'?"
    ]
    assert told(tmp_path, with_models(text + "[lab, h100]") + hosts) == [
        "workshop.yaml:5:50: models[1].labels: no host with the role inference has all of these labels"
    ]


# what runs


def test_what_runs_stays_where_it_is() -> None:
    models, hosts = [model("m", replicas=2)], [host("a", 2, 24), host("b", 2, 24)]
    before = {("m", 1): Place("b", (1,)), ("m", 2): Place("b", (0,))}
    found = place(models, hosts, Facts(known_sizes(models)), before)
    assert seats(found) == [("m", "b", (1,)), ("m", "b", (0,))]


def test_what_runs_moves_only_where_it_can_no_longer_be() -> None:
    hosts = [host("a", 1, 24), host("b", 1, 16)]
    before = {("m", 1): Place("b", (0,))}
    assert seats(place([model("m")], hosts, Facts(known_sizes([model("m")])), before)) == [("m", "a", (0,))]
    gone = {("m", 1): Place("gone", (0,)), ("m", 2): Place("a", (7,))}
    assert seats(place([model("m")], hosts, Facts(known_sizes([model("m")])), gone)) == [("m", "a", (0,))]


def test_a_stack_is_told_where_its_services_run_by_their_names(tmp_path: Path) -> None:
    hosts = "hosts: [{name: a, gpus: {count: 2}}, {name: b, address: b.lan, roles: [inference], gpus: {count: 2}}]\n"
    workshop = spec_of(tmp_path, with_models("name: m, engine: vllm, source: o/m") + hosts).workshop
    deployment, _ = plan_stacks(workshop, 3, {}, Known(before={"model-m-1": Place("b", (1,))}))
    assert [(b.host, b.gpus) for b in deployment.backends] == [("b", (1,))]


# what would fit


HOST = "hosts: [{{name: a, gpus: {{count: {0}, memory_gib: {1}}}}}]\n"


def refused(folder: Path, gpus: int, memory: int, text: str) -> str:
    spec = spec_of(folder, with_models(text) + HOST.format(gpus, memory))
    with pytest.raises(SpecError) as caught:
        planned(spec, {})
    (problem,) = caught.value.problems
    return problem.hint or ""


@pytest.mark.parametrize(
    ("gpus", "memory", "text", "offers"),
    [
        (1, 32, f"source: {LLAMA_8B}", "context: 65536; or with args: {kv_cache_dtype: fp8}"),
        (2, 24, f"source: {LLAMA_8B}, context: 8192, replicas: 3", "replicas: 2"),
        (4, 64, f"source: {LLAMA_70B}, context: 8192", "gpus: 4"),
        (2, 48, f"source: {LLAMA_70B}, context: 8192, gpus: 2", "a quantised source: 4 bits"),
        (2, 24, f"source: {LLAMA_8B}, context: 8192, gpus: 4", "gpus: 2"),
        (8, 80, f"source: {LLAMA_8B}, context: 8192, gpus: 3", "gpus: 4"),
        (1, 24, f"source: {LLAMA_8B}, context: 8192, replicas: 2", "one more host like a"),
        (1, 24, "source: o/r, memory_gib: 22, size: {weights_gib: 1}, context: 4096, replicas: 2", "memory_gib: 4.5"),
    ],
)
def test_what_would_fit_is_offered(tmp_path: Path, gpus: int, memory: int, text: str, offers: str) -> None:
    hint = refused(tmp_path, gpus, memory, f"name: m, engine: vllm, {text}")
    for offer in offers.split("; or with "):
        assert offer in hint
        assert hint.startswith("It fits with ")


def test_an_offer_is_kept_when_it_is_taken(tmp_path: Path) -> None:
    """Each one, put into the file, is a plan that fits."""
    text = f"name: m, engine: vllm, source: {LLAMA_8B}"
    offers = refused(tmp_path, 1, 32, text).removeprefix("It fits with ").split("; or with ")
    assert offers == [
        "context: 65536",
        "args: {kv_cache_dtype: fp8}",
        "a quantised source: 8 bits, with at most 9 GiB of weights",
    ]
    for taken in (*offers[:2], "size: {weights_gib: 9}"):
        planned(spec_of(tmp_path, with_models(f"{text}, {taken}") + HOST.format(1, 32)), {})


def test_another_host_is_offered_only_where_it_would_do(tmp_path: Path) -> None:
    assert "one more host" not in refused(tmp_path, 2, 48, f"name: m, engine: vllm, source: {LLAMA_70B}, gpus: 2")


def test_what_is_quantised_already_is_not_offered_again() -> None:
    from orchestrator.plan.offers import with_offers

    models, hosts = [model("m", "o/r")], [host("a", 1, 16)]
    for quantised, offered in ((False, 1), (True, 0)):
        facts = Facts({"m": ModelSize(20 * GIB, quantised=quantised)})
        lack = with_offers(place(models, hosts, facts).unplaced[0], models, hosts, facts, None)
        assert sum("quantised" in offer for offer in lack.offers) == offered


def test_another_host_is_offered_where_the_named_one_is_too_small() -> None:
    from orchestrator.plan.offers import with_offers

    models, hosts = [model("m", host="a")], [host("a", 1, 16), host("b", 1, 24)]
    facts = Facts(known_sizes(models))
    lack = with_offers(place(models, hosts, facts).unplaced[0], models, hosts, facts, None)
    assert lack.offers[0] == "another host, without host a"


def test_nothing_is_offered_that_does_not_fit(tmp_path: Path) -> None:
    assert refused(tmp_path, 1, 8, f"name: m, engine: vllm, source: {LLAMA_8B}").startswith("Lower replicas")


def test_a_tight_case_is_found_though_the_first_try_misses_it() -> None:
    """The small model would take the large GPU first: nothing else says which of the two hosts is which."""
    sizes = {"large": ModelSize(60 * GIB), "small": ModelSize(2 * GIB)}
    models = [model("small", "o/s", host=None), model("large", "o/l")]
    for order in ([host("a", 1, 80), host("b", 1, 24)], [host("b", 1, 24), host("a", 1, 80)]):
        found = place(models, order, Facts(sizes))
        assert {p.model.name: p.host.name for p in found.placed} == {"large": "a", "small": "b"}
