"""Each command's JSON document follows its schema in docs/schemas: every key is always there, and no other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import SecretStr

from orchestrator.archive.manifest import Counts, Member, Missing
from orchestrator.archive.manifest import Manifest as ArchiveManifest
from orchestrator.checks.check import Check
from orchestrator.checks.preflight.finding import Finding
from orchestrator.cli.commands import (
    archive,
    backends,
    connections,
    doctor,
    images,
    participants,
    plan,
    preflight,
    provision,
    state,
    status,
    teardown,
    usage,
)
from orchestrator.cli.outcome import error_document
from orchestrator.engines.capacity import Serves
from orchestrator.errors import HostError, UserError, Where
from orchestrator.fleet.images.archive_manifest import ArchivedImage, ArchivedWeights, WeightsFile
from orchestrator.fleet.images.archive_manifest import Manifest as ImageManifest
from orchestrator.handover.contents import Entry, LeftOut, Manifest
from orchestrator.identity.credentials import Credentials
from orchestrator.identity.participant import Participant
from orchestrator.plan.images import Image
from orchestrator.spec.components import Component
from orchestrator.spec.hosts import Gpus
from orchestrator.state.folder import StateFolder
from orchestrator.usage.collect import collect_file
from orchestrator.usage.report import By, Question, report
from orchestrator.usage.store import UsageStore
from orchestrator.workflow.backends import Backends, BackendState, BackendStatus
from orchestrator.workflow.changes.change import Change
from orchestrator.workflow.connections.commands import Told
from orchestrator.workflow.connections.look import Connections, Shown, Standing
from orchestrator.workflow.doctor import Bundle
from orchestrator.workflow.gateway.serving import Serving
from orchestrator.workflow.handover.exporting import Exported
from orchestrator.workflow.handover.importing import Imported
from orchestrator.workflow.handover.take_back import TakenBack
from orchestrator.workflow.images.archive import Built, SavedImages
from orchestrator.workflow.images.load import Loaded
from orchestrator.workflow.plan import Placement, Plan
from orchestrator.workflow.preflight import Preflight
from orchestrator.workflow.provision import Provisioned
from orchestrator.workflow.rollout.remove import Left
from orchestrator.workflow.status import ServiceStatus, Status
from orchestrator.workflow.teardown import TornDown
from orchestrator.workflow.usage import Usage
from orchestrator.workflow.wanted.address import Addresses
from tests.unit.usage_samples import Held, line

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
WITH_WEBUI = Addresses(
    "http://h:8080", "http://h:3000", "http://127.0.0.1:8080", "http://127.0.0.1:3000", guessed=False
)
WITHOUT = Addresses("http://h:8080", None, "http://127.0.0.1:8080", None, guessed=True)
CHECK = Check("No key", "API", "401", "200", ok=False, seconds=0.1234567)


def problems(name: str, document: object) -> list[str]:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    plain: Any = json.loads(json.dumps(document))
    return [error.message for error in Draft202012Validator(schema).iter_errors(plain)]


def provisioned(
    where: Addresses, *checks: Check, broken: tuple[str, ...] = (), hosts: Mapping[str, str] = {}
) -> Provisioned:
    return Provisioned(
        workshop="w",
        addresses=where,
        keys=3,
        accounts=3,
        handouts=Path("/x/handouts"),
        ca_certificate=None,
        changes=("a",),
        notes=("n",),
        broken=broken,
        failed_hosts=hosts,
        checks=checks,
        hosts=("here",),
        seconds=1.23456,
    )


@pytest.mark.parametrize("file", sorted(SCHEMAS.glob("*.json")), ids=lambda file: file.stem)
def test_every_schema_allows_no_other_keys(file: Path) -> None:
    schema = json.loads(file.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    item = schema["items"] if schema["type"] == "array" else schema
    assert item["additionalProperties"] is False
    assert sorted(item["required"]) == sorted(item["properties"])


@pytest.mark.parametrize("where", [WITH_WEBUI, WITHOUT])
def test_provision(where: Addresses) -> None:
    done = provisioned(where, CHECK)
    document = provision.document(done)
    assert problems("provision", document) == []
    assert document["changed"] == 1
    assert document["ok"] is False


def test_a_silent_engine_or_a_failed_host_is_not_ok() -> None:
    assert provisioned(WITHOUT).ok
    assert not provisioned(WITHOUT, broken=("m: silent",)).ok
    document = provision.document(provisioned(WITHOUT, hosts={"here": "here: gone"}))
    assert document["ok"] is False
    assert document["hosts"] == [{"name": "here", "ok": False, "problem": "here: gone"}]


def test_plan() -> None:
    made = Plan(
        "w",
        (Change("create", "container", "gateway", "here"),),
        (
            Placement("m", "m-1", "vllm", "vllm", "h", (0, 1)),
            Placement("m", "m-2", "vllm", "vllm", "h", (2,), 2, 21.999, Serves(7, 4096, 30_000, "workshop.yaml"), 28),
        ),
        (),
    )
    assert problems("plan", plan.document(made)) == []
    assert "22.0 GiB  7        28" in plan._text(made)
    assert "people: where 25% of them ask in the same moment (capacity.at_once)" in plan._text(made)


def test_a_plan_says_in_one_line_that_a_class_is_added() -> None:
    people = [Change("added", "participant", f"p{number:03}", None) for number in range(1, 501)]
    text = plan._text(Plan("w", (*people, Change("create", "container", "gateway", "here")), (), ()))
    assert "501 changes:\n  added 500 participants: p001 to p500\n  create container gateway on here" in text
    assert "added participant p002" in plan._text(Plan("w", tuple(people[:5]), (), ()))


@pytest.mark.parametrize("busy", [None, "ada@host (4711): provision, since 2026-11-21"])
def test_status(busy: str | None) -> None:
    service = ServiceStatus("m-1", "gpu-1", "engine", "m", "unhealthy", 3, up=False, remedy="look")
    hosts = {"here": None, "gpu-1": "gpu-1: not reached over SSH"}
    able = (Serving("m-1", "m", 4096, 7, 8, 33_000, None), Serving("n-1", "n", 4096, None, None, None, "why"))
    seen = Status("w", None, WITHOUT, hosts, (service,), 1, 2, 3, 1, "not yet", busy, ("look",), able)
    assert problems("status", status.document(seen)) == []
    assert not seen.ok


@pytest.mark.parametrize("gpus", [{}, {"gpu-1": Gpus(count=2, memory_gib=[22.4, 79.6], kind=None)}])
def test_preflight(gpus: Mapping[str, Gpus]) -> None:
    findings = (
        Finding("plan", None, "problem", "does not fit", "add a host"),
        Finding("disk", "gpu-1", "unknown", "not told", "look"),
        Finding("docker", "gpu-1", "ok", "Docker 28"),
    )
    hosts = {"front": "10.0.0.1", "gpu-1": "10.0.0.2"}
    seen = Preflight("w", hosts, frozenset({"gpu-1"}), gpus, findings, 1.234)
    document = preflight.document(seen)
    assert problems("preflight", document) == []
    assert (document["ok"], seen.unreached) == (False, ("front",))
    told = preflight.summary(seen)
    assert told.splitlines()[:3] == ["host   docker  disk", "front  -       -", "gpu-1  ok      ?"]
    assert "To fix:\n  plan: does not fit. add a host" in told


def test_doctor(tmp_path: Path) -> None:
    (tmp_path / "w.tar.gz").write_bytes(b"123")
    bundle = Bundle("w", tmp_path / "w.tar.gz", {"README.txt": 10}, ("Status: Docker does not answer",))
    document = doctor.document(bundle)
    assert problems("doctor", document) == []
    assert (document["ok"], document["size"]) == (False, 3)


HAS = Left(host="here", volumes=("v",), files=("/x",), ports=("8080",), processes=("7 curl",))


def test_teardown() -> None:
    done = TornDown("w", was_there=True, hosts=("here",), removed=("a",), left=("b",), kept=(), proof=(HAS,))
    document = teardown.document(done)
    assert problems("teardown", document) == []
    assert document["ok"] is False
    assert "here: 0 containers, 0 networks, 1 volumes, 1 files, 1 ports, 1 processes" in teardown._text(
        done, StateFolder(Path("/x/w"))
    )
    assert HAS.lines == ("here: volume v", "here: /x", "here: port 8080", "here: process 7 curl")


def test_a_teardown_that_missed_a_host_is_not_ok() -> None:
    gone = HostError("ssh_unreachable", "not reached", where=Where(host="gpu-1"))
    done = TornDown("w", was_there=True, hosts=("gpu-1",), removed=(), left=(), kept=(), failed=(gone,))
    document = teardown.document(done)
    assert problems("teardown", document) == []
    assert document["ok"] is False


def test_logs_of_a_host_that_does_not_answer() -> None:
    document = {
        "workshop": "w",
        "ok": False,
        "logs": {"edge@gpu-1": ["a"]},
        "problems": [UserError("c", "m").as_dict()],
    }
    assert problems("logs", document) == []


@pytest.mark.parametrize("problem", [None, UserError("docker_unreachable", "Docker does not answer")])
@pytest.mark.parametrize("by", [(), (By.PARTICIPANT, By.MODEL), tuple(By)], ids=str)
def test_usage(tmp_path: Path, by: tuple[By, ...], problem: UserError | None) -> None:
    question = Question(by=by, names={"p01": "Ada"}, since=datetime.now(UTC))
    with UsageStore.open(tmp_path / "usage.sqlite3") as store:
        collect_file(store, Held(line(1) + line(2, status=429, error="rate_limit_exceeded", via="_webui")))
        store.put_teams({"p01": "red"})
        everything = replace(question, since=None)
        rows, total = report(store, everything), report(store, replace(everything, by=()))[0]
    seen = Usage(
        workshop="w",
        question=question,
        rows=rows,
        total=total,
        collected=None if problem else 2,
        unreadable=0,
        problem=problem,
    )
    document = usage.document(seen)
    assert problems("usage", document) == []
    assert (document["ok"], len(rows)) == (problem is None, 2 if By.VIA in by else 1)
    named = {"participant", "name", "team", "model", "hour", "via", "backend"}
    assert {key for row in rows for key in named if getattr(row, key) is not None} == (
        {*map(str, by)} | ({"name", "team"} if By.PARTICIPANT in by else set())
    )


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials(
            Participant("p01"),
            "http://h/v1",
            SecretStr("ws-1"),
            "http://h:3000",
            "p01@w",
            SecretStr("pw"),
            None,
            ("m",),
        ),
        Credentials(Participant("p02", state="removed"), "http://h/v1", None, None, None, None, None, ()),
    ],
)
def test_participants_list(credentials: Credentials) -> None:
    document = participants.document(credentials)
    assert problems("participants-list", [document]) == []
    expected = [
        *("id", "name", "email", "team", "state", "api_base", "api_key"),
        *("webui_url", "webui_email", "webui_password", "webui_api_key", "models"),
    ]
    assert list(document) == expected


def test_a_mail_is_never_null_where_there_is_a_webui() -> None:
    seat, person = Participant("p01"), Participant("p02", email="Ada@x.org")
    one = Credentials(seat, "http://h/v1", None, "http://h:3000", "p01@w.workshop.local", None, None, ())
    assert participants.document(one)["email"] == "p01@w.workshop.local"
    assert participants.document(replace(one, participant=person, webui_email="ada@x.org"))["email"] == "Ada@x.org"
    assert participants.document(replace(one, webui_url=None, webui_email=None))["email"] is None


@pytest.mark.parametrize(("state", "in_flight", "ok"), [("up", 3, True), ("unknown", None, True), ("down", 0, False)])
def test_backends(state: BackendState, in_flight: int | None, ok: bool) -> None:
    document = backends.document(Backends("w", (BackendStatus("m-1", "m, n", state, in_flight),), ("note",)))
    assert problems("backends", document) == []
    assert document["ok"] is ok


@pytest.mark.parametrize(("state", "enabled", "ok"), [("on", True, True), ("off", True, False), ("off", False, True)])
def test_connections(state: Standing, enabled: bool, ok: bool) -> None:
    lists: dict[str, Any] = {"models": None, "teams": None} if enabled else {"models": ("a",), "teams": ("red",)}
    shown = Shown(
        "lab", "openai", "http://lab/v1", None, ("t",), **lists, enabled=enabled, origin="spec", changed=("url",),
        key=None, state=state, offers=("lab.a",),
    )  # fmt: skip
    document = connections.document(Connections("w", (shown,), (Told("lab", "changed"),), ("note",)))
    assert problems("connections", document) == []
    assert document["ok"] is ok
    assert problems("connections-verify", connections.verified("w", (CHECK,))) == []


def test_state() -> None:
    left_out, secrets = (LeftOut(what="../ca.pem", why="elsewhere"),), ("${env:KEY}",)
    manifest = Manifest(
        workshop="w",
        deployment_id="0",
        at="2026-11-21T12:00:00+00:00",
        who="ada@laptop",
        handed_over=True,
        spec="workshop.yaml",
        left_out=list(left_out),
        secrets=list(secrets),
        entries=[Entry(name="spec/workshop.yaml", size=1)],
    )
    there = Exported(
        workshop="w",
        file=Path("/x/w.workshop"),
        size=2000,
        handed_over=False,
        included=("workshop.yaml",),
        left_out=left_out,
        secrets=secrets,
    )
    back = Imported(manifest=manifest, spec=Path("/y/workshop.yaml"), state=Path("/y"), kept=(Path("/y/z"),))
    assert problems("state-export", state.exported(there)) == []
    assert problems("state-import", state.imported(back)) == []
    assert problems("state-take-back", state.taken_back(TakenBack("w", was_handed_over=True))) == []


def test_images() -> None:
    sums = f"sha256:{'0' * 64}"
    image = ArchivedImage(
        component=Component("gateway"),
        reference="nginx:1.30",
        digest=None,
        id=sums,
        content=sums,
        platform="linux/amd64",
        size=1,
        parts=("a",),
    )
    file = WeightsFile(path="tiny.gguf", size=3, sha256="0" * 64, at=10)
    weights = ArchivedWeights(
        model="tiny", volume="weights-llamacpp", key="tiny.gguf", tree="tiny.gguf", files=(file,), read=("tiny.gguf",)
    )
    manifest = ImageManifest(
        program="1", workshop="w", made="2026-11-21T12:00:00+00:00", images=(image,), parts=(), weights=(weights,)
    )
    lacks = {Component("ollama"): "no package"}
    made = Built("w", {Component("gateway"): Image("a:b", None, "packages")}, lacks, 1.0)
    kept = SavedImages("w", Path("/x/w.tar.zst"), 10, manifest, lacks, {"big": "lies on the host"}, 1.0)
    taken = Loaded(
        workshop=None,
        file=Path("/x/w.tar.zst"),
        manifest=manifest,
        hosts=("this machine", "gpu-1"),
        failed={"gpu-1": HostError("ssh_unreachable", "not reached", where=Where(host="gpu-1"))},
        changes=(),
        notes=("n",),
        seconds=1.0,
    )
    assert problems("images-build", images.built(made)) == []
    assert problems("images-save", images.saved(kept)) == []
    document = images.taken(taken)
    assert problems("images-load", document) == []
    assert (made.ok, document["ok"]) == (False, False)


@pytest.mark.parametrize("participant", [None, "p01"])
def test_archive(participant: str | None) -> None:
    manifest = ArchiveManifest(
        workshop="w",
        participant=participant,
        at="2026-11-21T12:00:00+00:00",
        program="1",
        webui=None,
        counts=Counts(chats=2),
        members=[Member(name="a", size=1, sha256="0" * 64)],
        missing=[],
    )
    document = archive.document(Path("/x/w.tar.gz"), 10, manifest)
    assert problems("archive", document) == []
    assert document["ok"] is True
    assert archive.document(Path("x"), 1, manifest, ["a is gone"])["ok"] is False
    lacking = manifest.model_copy(update={"missing": [Missing(what="chat 1", why="gone")]})
    assert problems("archive", archive.document(Path("x"), 1, lacking)) == []
    assert archive.document(Path("x"), 1, lacking)["ok"] is False


def test_errors_have_every_key() -> None:
    full = UserError("c", "m", where=Where(file=Path("f"), line=1, column=2, host="h", service="s"), hint="x")
    assert problems("error", error_document({"code": "c", "message": "m"})) == []
    told = {"workshop": None, "ok": False, "errors": [full.as_dict()], "unread": None, "notes": []}
    assert (problems("error", error_document(full.as_dict())), problems("validate", told)) == ([], [])


def test_a_figure_is_rounded_and_a_path_is_text() -> None:
    document = provision.document(provisioned(WITH_WEBUI, CHECK))
    assert document["seconds"] == 1.23
    assert document["handouts"] == str(PurePosixPath("/x/handouts"))
    assert CHECK.as_dict()["seconds"] == 0.123
