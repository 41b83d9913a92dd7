"""One command makes the class; the second one changes nothing; the other commands tell what is there."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pypdf

from tests.stack.workshop.bed import Provisioned, Workshop, hostile_people

CONTRACT = [
    "id",
    "name",
    "email",
    "team",
    "state",
    "api_base",
    "api_key",
    "webui_url",
    "webui_email",
    "webui_password",
    "webui_api_key",
    "models",
]
KEY = re.compile(r"ws-([0-9a-hjkmnp-tv-z]{4}-){6}[0-9a-hjkmnp-tv-z]{2}")


def test_provision_tells_what_it_did(first: Provisioned) -> None:
    told = first.document
    people = len(hostile_people()) + 1

    assert told["workshop"] == first.workshop.name
    assert told["ok"] is True
    assert told["changed"] == len(told["changes"]) > 0
    assert told["hosts"] == [{"name": "here", "ok": True, "problem": None}]
    assert told["seconds"] > 0
    assert (told["keys"], told["accounts"]) == (people, people)
    assert told["broken"] == []


def test_provision_ends_with_proof(first: Provisioned) -> None:
    checks = first.document["checks"]

    assert [check for check in checks if not check["ok"]] == []
    assert {"name", "target", "expected", "got", "ok", "seconds"} == set(checks[0])
    asked = {check["target"] for check in checks if check["name"] == "Question"}
    assert {"tiny-chat", "qwen2.5-7b", "llama3.2", "staff-model"} <= asked


def test_what_stands_in_for_ollama_is_said_in_words(first: Provisioned) -> None:
    (note,) = (note for note in first.document["notes"] if note.startswith("llama3.2"))

    assert "llama.cpp stands in for Ollama" in note
    assert "native routes" in note


def test_the_second_provision_changes_nothing(main: Workshop) -> None:
    before = main.starts()
    again = main.provision()

    print(f"nothing changed: {again['seconds']} s")
    assert (again["ok"], again["changed"], again["changes"]) == (True, 0, [])
    assert main.starts() == before


def test_the_summary_for_people_says_what_to_do_next(main: Workshop) -> None:
    text = main.run("provision", str(main.file)).out

    assert text.startswith(f"{main.name} is ready.")
    assert f"Open WebUI  {main.webui}\n" in text
    assert str(main.state / "handouts" / "cards.pdf") in text
    assert re.search(r"Changed +nothing", text)
    assert "workshop teardown" in text


def test_verify_asks_everything_again_and_shows_a_table(main: Workshop) -> None:
    ran = main.workshop("verify")
    table, _, count = ran.out.rstrip().rpartition("\n\n")

    assert re.match(r" +asked +where +came +s\n", table)
    assert all(line.startswith("ok ") for line in table.splitlines()[1:])
    number = len(table.splitlines()) - 1
    assert count == f"{number} of {number} checks passed."


def test_verify_gives_its_checks_as_json(main: Workshop, first: Provisioned) -> None:
    told = main.workshop("verify", "--output", "json").json

    assert (told["workshop"], told["ok"]) == (main.name, True)
    assert [check["name"] for check in told["checks"]] == [check["name"] for check in first.document["checks"]]


def test_a_plan_of_what_is_there_has_no_changes(main: Workshop) -> None:
    plan = main.workshop("plan", "--exit-code", "--output", "json").json

    assert (plan["workshop"], plan["ok"], plan["changes"]) == (main.name, True, [])
    assert {backend["model"]: backend["runs"] for backend in plan["backends"]} == {
        "tiny-chat": "llamacpp",
        "qwen2.5-7b": "vllm_cpu",
        "llama3.2": "llamacpp",
        "staff-model": "llamacpp",
    }
    assert "Nothing would change." in main.workshop("plan").out


def test_status_shows_that_all_is_up(main: Workshop) -> None:
    told = main.workshop("status", "--output", "json").json

    assert told["ok"] is True
    assert {service["service"]: service["state"] for service in told["services"]} == dict.fromkeys(
        main.containers(), "healthy"
    )
    assert told["participants"] == {"active": len(hostile_people()) + 1, "revoked": 0, "removed": 0}
    assert told["accounts"] == len(hostile_people()) + 1
    assert (told["window"], told["busy"], told["advice"]) == ("always", None, [])
    assert "healthy" in main.workshop("status").out


def test_status_shows_what_vllm_itself_says_beside_the_estimate(main: Workshop) -> None:
    """The KV space of practice mode and the synthetic model's shape are known, so the two must agree to the token."""
    serving = {one["model"]: one for one in main.workshop("status", "--output", "json").json["serving"]}
    planned = {one["model"]: one for one in main.workshop("plan", "--output", "json").json["backends"]}
    vllm, llamacpp = serving["qwen2.5-7b"], serving["tiny-chat"]
    assert vllm["kv_tokens"] == planned["qwen2.5-7b"]["serves"]["kv_tokens"] == 2_097_152
    assert vllm["reported"] == vllm["estimated"] == 256
    assert (llamacpp["estimated"], llamacpp["reported"]) == (4, None)
    assert "8192" in main.workshop("status").out


def test_participants_list_is_the_contract_to_the_letter(main: Workshop) -> None:
    listed = main.people()
    wanted = hostile_people()

    assert [person["id"] for person in listed] == [f"p{number:02}" for number in range(1, len(wanted) + 2)]
    everybody = ["tiny-chat", "qwen2.5-7b", "llama3.2"]
    for person in listed:
        assert list(person) == CONTRACT
        assert person["state"] == "active"
        assert person["api_base"] == f"{main.api}/v1"
        assert person["webui_url"] == main.webui
        assert KEY.fullmatch(person["api_key"])
        assert person["webui_password"]
        assert person["webui_api_key"].startswith("sk-")
        assert person["models"] == everybody + (["staff-model"] if person["team"] == "staff" else [])
    for person, (_, mail, team) in zip(listed, wanted, strict=False):
        assert (person["email"], person["webui_email"]) == (mail, mail.lower())
        assert person["team"] == (team or None)


def test_hostile_names_come_through_as_they_were_written(main: Workshop) -> None:
    names = [person["name"] for person in main.people()]

    assert names[0] == "Robert'); DROP TABLE people;--"
    assert names[1] == 'O\'Brien "Bo" {{7*7}} ${HOME} $(id) `id`'
    assert names[2] == "{% raw %}}{ <b>&amp; \\n %s # line"
    accounts = {account["email"]: account["name"] for account in main.accounts()}
    assert [accounts[person["webui_email"]] for person in main.people() if person["name"]] == names[:-1]


def test_a_spare_seat_has_all_that_a_person_has(main: Workshop) -> None:
    spare = main.people()[-1]

    made_up = f"{spare['id']}@{main.name}.workshop.local"
    assert (spare["name"], spare["team"]) == (None, None)
    assert (spare["email"], spare["webui_email"]) == (made_up, made_up)


def test_the_reserved_participants_are_never_listed(main: Workshop) -> None:
    for options in ((), ("--all",)):
        assert [person["id"] for person in main.people(*options) if person["id"].startswith("_")] == []
    assert "_verify" not in main.workshop("participants list").out
    assert "_verify" not in (main.state / "handouts" / "cards.csv").read_text(encoding="utf-8")


def test_handouts_are_there_and_private(main: Workshop) -> None:
    folder = main.state / "handouts"
    people = main.people()
    rows = list(csv.DictReader(io.StringIO((folder / "cards.csv").read_text(encoding="utf-8-sig"))))

    assert {path.name for path in folder.iterdir() if path.name[0] != "."} == {
        "cards.pdf",
        "cards.csv",
        "guide.html",
        "instructor.txt",
    }
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert len(rows) == len(people)
    text = "".join(page.extract_text() for page in pypdf.PdfReader(folder / "cards.pdf").pages)
    assert all(person["api_key"][:7] in text for person in people)


def test_handouts_again_are_the_same(main: Workshop) -> None:
    told = main.workshop("handouts", "--output", "json").json

    assert (told["ok"], told["changed"]) == (True, False)


def test_handouts_go_where_they_are_wanted(main: Workshop, tmp_path: Path) -> None:
    told = main.workshop("handouts", "--to", str(tmp_path / "cards"), "--output", "json").json

    assert told["cards"] == len(main.people())
    assert (tmp_path / "cards" / "cards.pdf").read_bytes()[:5] == b"%PDF-"


def test_logs_are_those_of_a_model_a_service_or_all(main: Workshop) -> None:
    model = main.workshop("logs", "tiny-chat", "--tail", "3", "--output", "json").json
    everything = main.workshop("logs", "--tail", "2", "--output", "json").json

    assert set(model["logs"]) == {"model-tiny-chat-1", "model-tiny-chat-2"}
    assert all(0 < len(lines) <= 3 for lines in model["logs"].values())
    assert set(everything["logs"]) == set(main.containers())


def test_logs_of_what_is_not_there_name_the_nearest(main: Workshop) -> None:
    ran = main.workshop("logs", "tiny-chta", code=1)

    assert "Did you mean 'tiny-chat'?" in ran.line
