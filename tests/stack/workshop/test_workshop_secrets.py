"""Every secret of the workshop, looked for wherever it does not belong."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from orchestrator.identity import keys
from orchestrator.identity.identity import Identity
from orchestrator.spec.loader import load
from tests.stack.workshop.bed import Provisioned, Workshop


@pytest.fixture(scope="module")
def sentinels(main: Workshop) -> dict[str, bytes]:
    """What it is -> the secret itself."""
    secret = (main.state / "secret").read_bytes()
    identity = Identity(secret, load(main.file).workshop, ())
    own: dict[str, SecretStr] = {
        "administrator's password": identity.admin().password,
        "session key": keys.token(secret, "webui-sessions"),
        "service key": identity.service_key,
        "verifier's key": keys.api_key(secret, "_verify", 1),
        "verifier's password": keys.password(secret, "webui-password", "_verify", 1),
        "team verifier's key": keys.api_key(secret, "_verify-staff", 1),
    }
    found = {what: text.get_secret_value().encode() for what, text in own.items()}
    found |= {"secret": secret, "secret in hex": secret.hex().encode()}
    for person in main.people():
        for kind in ("api_key", "webui_password", "webui_api_key"):
            found[f"{person['id']} {kind}"] = person[kind].encode()
    database = sqlite3.connect(main.state / "state.sqlite3")
    minted = database.execute("SELECT participant, api_key FROM accounts").fetchall()
    database.close()
    found |= {f"{participant} webui_api_key": key.encode() for participant, key in minted}
    compact = {what: text.replace(b"-", b"") for what, text in found.items() if text.startswith(b"ws-")}
    return found | {f"{what}, without hyphens": text for what, text in compact.items()}


def held(sentinels: dict[str, bytes], content: bytes) -> list[str]:
    lower = content.lower()
    return [what for what, text in sentinels.items() if text in content or text.lower() in lower]


def files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def test_the_sentinels_are_the_real_ones(main: Workshop, sentinels: dict[str, bytes]) -> None:
    """Without this, a search that finds nothing would prove nothing."""
    cards = (main.state / "handouts" / "cards.csv").read_bytes()
    assert "p01 api_key" in held(sentinels, cards)
    for what, file in (
        ("administrator's password", "webui.WEBUI_ADMIN_PASSWORD"),
        ("session key", "webui.WEBUI_SECRET_KEY"),
    ):
        assert held(sentinels, (main.stack / "secrets" / file).read_bytes()) == [what]


def test_docker_inspect_shows_none(main: Workshop, sentinels: dict[str, bytes]) -> None:
    for service, container in main.containers().items():
        assert held(sentinels, json.dumps(container.attrs).encode()) == [], service


def test_images_hold_none(main: Workshop, sentinels: dict[str, bytes]) -> None:
    for image in {container.image.id: container.image for container in main.containers().values()}.values():
        assert held(sentinels, json.dumps([image.history(), image.attrs]).encode()) == [], image.tags


def test_container_logs_hold_none(main: Workshop, sentinels: dict[str, bytes]) -> None:
    for service, container in main.containers().items():
        assert held(sentinels, container.logs()) == [], service


def test_the_gateways_access_log_and_rules_hold_none(main: Workshop, sentinels: dict[str, bytes]) -> None:
    gateway = main.container("gateway")
    for folder in ("/var/lib/gateway", "/etc/nginx/workshop"):
        code, content = gateway.exec_run(["sh", "-c", f"find {folder} -type f -exec cat {{}} +"])
        assert code == 0
        assert len(content) > 1000
        assert held(sentinels, content) == [], folder


def test_what_the_program_printed_holds_none(main: Workshop, sentinels: dict[str, bytes]) -> None:
    """`participants list` is left out: it is there to show them."""
    said: list[str] = []
    for command in ("plan", "status", "verify", "logs", "handouts"):
        ran = main.workshop(command, "-v", "--output", "json" if command == "plan" else "text")
        said += [ran.out, ran.err]
    ran = main.run("provision", str(main.file), "-v")

    assert held(sentinels, "".join([*said, ran.out, ran.err]).encode()) == []


def test_provisions_own_output_held_none(first: Provisioned, sentinels: dict[str, bytes]) -> None:
    assert held(sentinels, "".join(first.workshop.said[:2]).encode()) == []


def test_logs_and_events_hold_none(main: Workshop, sentinels: dict[str, bytes]) -> None:
    logs = list(files(main.state / "logs"))
    assert any(log.stat().st_size for log in logs)
    for log in logs:
        assert held(sentinels, log.read_bytes()) == [], log
        assert log.stat().st_mode & 0o077 == 0
    database = sqlite3.connect(main.state / "state.sqlite3")
    events = database.execute("SELECT kind, text FROM events").fetchall()
    database.close()
    assert events
    assert held(sentinels, repr(events).encode()) == []


def test_the_process_list_showed_none(first: Provisioned, sentinels: dict[str, bytes]) -> None:
    """Neither arguments nor environments of the program and all that it started."""
    watch = first.watch

    assert any(b"ansible-playbook" in arguments for arguments in watch.arguments)
    assert any(b"compose" in arguments for arguments in watch.arguments)
    assert held(sentinels, b"\n".join([*watch.arguments, *watch.environments])) == []


def test_nothing_is_left_in_the_temporary_folder(main: Workshop) -> None:
    assert list(files(main.temporary)) == []


def test_pages_for_participants_hold_none(main: Workshop, sentinels: dict[str, bytes]) -> None:
    assert held(sentinels, (main.state / "handouts" / "guide.html").read_bytes()) == []


def test_in_the_state_only_what_must_hold_secrets_does(main: Workshop, sentinels: dict[str, bytes]) -> None:
    """Cards for printing, the instructor's sign-in, the stack's secret files, and what Open WebUI made itself."""
    holders = {str(path.relative_to(main.state)) for path in files(main.state) if held(sentinels, path.read_bytes())}

    assert holders == {
        "secret",
        "state.sqlite3",  # Open WebUI's own keys: random, so they can't be derived
        "handouts/cards.csv",
        "handouts/instructor.txt",
        "rendered/here/secrets/webui.WEBUI_ADMIN_PASSWORD",
        "rendered/here/secrets/webui.WEBUI_SECRET_KEY",
    }


def test_on_the_host_only_the_secret_files_hold_secrets(main: Workshop, sentinels: dict[str, bytes]) -> None:
    folder = main.stack.parent
    holders = {path.name: path.stat().st_mode & 0o777 for path in files(folder) if held(sentinels, path.read_bytes())}

    assert holders == {"webui.WEBUI_ADMIN_PASSWORD": 0o600, "webui.WEBUI_SECRET_KEY": 0o600}
    assert main.stack.stat().st_mode & 0o777 == 0o700


def test_inside_open_webui_the_administrators_password_and_session_key_are_the_servers_own(
    main: Workshop, sentinels: dict[str, bytes]
) -> None:
    """The exception, on purpose: with-secrets.sh gives them to the server process alone, as its environment."""
    script = "for p in /proc/[0-9]*; do echo \"$(cat $p/comm)\"; tr '\\0' '\\n' < $p/environ; done"
    code, content = main.container("webui").exec_run(["sh", "-c", script])

    assert code == 0
    assert set(held(sentinels, content)) <= {"administrator's password", "session key"}
    assert not re.search(
        rb"WEBUI_(ADMIN_PASSWORD|SECRET_KEY)", json.dumps(main.container("webui").attrs["Config"]["Env"]).encode()
    )
