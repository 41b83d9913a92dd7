"""What engines say of themselves: Prometheus' text as vLLM, llama.cpp, TGI and SGLang write it, through one curl."""

from __future__ import annotations

from orchestrator.checks.rehearsal.queues import MARK, command, glances, queues, totals
from orchestrator.checks.rehearsal.values import Backend, Glance

VLLM = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="Qwen {x} 1"} 12.0
vllm:num_requests_running{engine="1",model_name="Qwen {x} 1"} 4.0
vllm:num_requests_waiting{engine="0",model_name="Qwen {x} 1"} 7.0
vllm:num_requests_waiting{engine="1",model_name="Qwen {x} 1"} 0.0
vllm:kv_cache_usage_perc{engine="0",model_name="Qwen {x} 1"} 0.93
"""
LLAMACPP = """\
# TYPE llamacpp:requests_processing gauge
llamacpp:requests_processing 4
# TYPE llamacpp:requests_deferred gauge
llamacpp:requests_deferred 3
llamacpp:n_busy_slots_per_decode nan
"""
SGLANG = """\
# TYPE sglang:num_running_reqs gauge
sglang:num_running_reqs{engine_type="unified",model_name="m",tp_rank="0"} 6.0
sglang:num_queue_reqs{engine_type="unified",model_name="m",tp_rank="0"} 2.0
sglang:token_usage{engine_type="unified",model_name="m",tp_rank="0"} 0.41
"""
BACKENDS = tuple(Backend(name, name, "gpu-1", f"http://{name}/metrics") for name in ("a", "b", "c", "d", "e"))


def output(*answers: tuple[int, str]) -> str:
    return "".join(f"{body}\n{MARK} {code}\n" for code, body in answers)


def test_the_figures_of_each_engine_are_found_whoever_it_is() -> None:
    tgi = "tgi_queue_size 5\ntgi_batch_current_size 8\n"
    answers = output((200, VLLM), (200, LLAMACPP), (404, "not here"), (200, tgi), (200, SGLANG))
    found = list(glances(answers, BACKENDS, 3.5))
    assert found == [
        Glance(3.5, "a", waiting=7, running=16, cache=0.93),
        Glance(3.5, "b", waiting=3, running=4),
        Glance(3.5, "d", waiting=5, running=8),
        Glance(3.5, "e", waiting=2, running=6, cache=0.41),
    ]


def test_who_does_not_answer_shifts_nobody() -> None:
    found = list(glances(output((0, ""), (200, LLAMACPP)), BACKENDS, 0))
    assert [glance.backend for glance in found] == ["b"]


def test_one_command_asks_all_of_them_and_marks_where_each_ends() -> None:
    asked = command(BACKENDS[:2])
    assert asked[0] == "curl"
    assert asked[-2:] == ["http://a/metrics", "http://b/metrics"]
    assert "-m" in asked


def test_what_is_no_number_is_passed_over() -> None:
    assert totals('a 1\na two\n\nb{x="}"} 3 1700000000\n# c 4\nd\n') == {"a": 1, "b": 3}


def test_a_step_has_the_glances_of_its_own_time() -> None:
    seen = [Glance(at, "a", waiting=at, running=1, cache=at / 10) for at in (0.0, 1.0, 2.0, 3.0, 4.0)]
    of_a, of_b, *_ = queues(seen, BACKENDS, began=1, seconds=2)
    assert (of_a.waiting_max, of_a.waiting_mean, of_a.running_max, of_a.cache_max) == (3, 2, 1, 0.3)
    assert of_b.waiting_max is None
