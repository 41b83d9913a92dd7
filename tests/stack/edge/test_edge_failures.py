"""An edge or an engine behind it fails; keys are revoked, certificates renewed: what becomes of those who are asking."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest

from orchestrator.identity.keys import fingerprint
from orchestrator.tls.edges import KeptEdges, issue_edges
from tests.stack.edge.bed import KEY, OTHER_KEY, WANTED, Answer, Bed, question
from tests.unit.eventually import eventually

pytestmark = pytest.mark.full("engines and edges die, half a minute; who is let in is for every day")


@contextmanager
def without(bed: Bed, host: str, service: str, how: str = "kill") -> Iterator[None]:
    bed.compose(host, how, service)
    try:
        yield
    finally:
        bed.compose(host, "unpause" if how == "pause" else "start", service)
        eventually(lambda: all(one["state"] == "up" for one in bed.backends().values()) or None, 30)


def state(bed: Bed, backend: str) -> str:
    return str(bed.backends()[backend]["state"])


def both_serve(bed: Bed) -> bool | None:
    return len({bed.served_by("pair") for _ in range(8)}) == 2 or None


def test_when_an_edge_is_killed_the_other_host_answers_and_nothing_is_lost(bed: Bed) -> None:
    with ThreadPoolExecutor(4) as pool, without(bed, "one", "edge"):
        answers = list(pool.map(lambda _: bed.ask("pair"), range(40)))
        assert Counter(answer.status for answer in answers) == {200: 40}
        assert {answer.json["served_by"] for answer in answers} == {"model-pair-2"}
        eventually(lambda: state(bed, "model-pair-1") == "down" or None)
    eventually(lambda: both_serve(bed))


def test_an_engine_that_dies_behind_its_edge_is_left_out_like_one_beside_the_gateway(bed: Bed) -> None:
    with without(bed, "one", "model-pair-1"):
        assert Counter(bed.ask("pair").status for _ in range(10)) == {200: 10}
        assert state(bed, "model-pair-1") == "down"
        time.sleep(5)  # the edge answers the gateway's check meanwhile
        assert state(bed, "model-pair-1") == "down"
        assert state(bed, "model-llama-1") == "up"
    eventually(lambda: both_serve(bed))


def test_an_engine_that_is_busy_behind_its_edge_is_not_taken_for_dead(bed: Bed) -> None:
    with without(bed, "one", "model-pair-1", how="pause"):
        time.sleep(7)
        assert state(bed, "model-pair-1") == "up"


def test_when_the_engine_dies_in_the_middle_the_answer_is_cut(bed: Bed) -> None:
    try:
        answer = bed.ask("pair", stream=True, stub={"events": 10, "gap": 0.05, "dies_after": 4})
    except (http.client.IncompleteRead, ConnectionError):
        return
    raise AssertionError(answer)


def test_a_revoked_keys_stream_ends_and_the_engine_stops(bed: Bed) -> None:
    body = question("pair", stream=True, stub={"events": 200, "gap": 0.1})
    with closing(bed.connect()) as connection:
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Authorization": f"Bearer {OTHER_KEY}"})
        response = connection.getresponse()
        assert response.read1(65536)
        bed.tell({"revision": 2, "keys": {fingerprint(OTHER_KEY): None}})
        begun, text = time.monotonic(), b""
        try:
            while more := response.read1(65536):
                text += more
        except (http.client.IncompleteRead, ConnectionError):
            pass
    assert b"taken away" in text
    assert time.monotonic() - begun < 3
    eventually(lambda: sum(one["in_flight"] for one in bed.backends().values()) == 0 or None)
    assert bed.ask("pair").status == 200


def test_certificates_are_renewed_under_running_streams(bed: Bed) -> None:
    """Of the gateway and of both edges, one after the other; the old ones are not shown any more."""

    def stream() -> Answer:
        return bed.ask("pair", stream=True, stub={"events": 60, "gap": 0.1})

    before = {host: fingerprint_shown(bed, host) for host in ("one", "two")}
    with ThreadPoolExecutor(6) as pool:
        running = [pool.submit(stream) for _ in range(6)]
        time.sleep(1)
        bed.issued = issue_edges(WANTED, KeptEdges(bed.issued.authority))
        for host in bed.write():
            bed.reload(host)
            assert Counter(bed.ask("pair").status for _ in range(10)) == {200: 10}
        eventually(lambda: all(fingerprint_shown(bed, host) != before[host] for host in before) or None)
        assert [len(one.result().events) for one in running] == [61] * 6
    assert {bed.served_by("pair") for _ in range(20)} == {"model-pair-1", "model-pair-2"}


def fingerprint_shown(bed: Bed, host: str) -> str:
    """Of the certificate that an edge shows now."""
    name = f"{bed.on(host)[0].service}.{host}.edge.internal"
    command = f"openssl s_client -connect 127.0.0.1:{bed.ports[host]} -servername {name} </dev/null 2>/dev/null"
    ran = subprocess.run(f"{command} | openssl x509 -noout -fingerprint", shell=True, capture_output=True, check=True)  # noqa: S602
    return ran.stdout.decode()


def test_who_was_revoked_by_a_new_authority_is_refused(bed: Bed) -> None:
    """A gateway whose certificate is another authority's gets no answers, and says that the model is not available."""
    before = bed.issued
    bed.issued = issue_edges(WANTED, KeptEdges())
    try:
        bed.write()
        bed.reload("one")
        bed.reload("two")
        eventually(lambda: bed.ask("pair").status == 503 or None)
    finally:
        bed.issued = before
        bed.write()
        for host in ("one", "two"):
            bed.reload(host)
    eventually(lambda: bed.ask("pair", key=KEY).status == 200 or None, 30)
