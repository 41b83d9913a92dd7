"""with-secrets.sh: files of a folder become environment variables of a command, byte for byte."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from orchestrator.resources import COMPOSE


def run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    environment = {"PATH": "/usr/bin:/bin", "SECRETS_DIR": str(folder), **environment}
    return subprocess.run(
        ["sh", str(COMPOSE / "with-secrets.sh"), *command], env=environment, capture_output=True, check=False
    )


@pytest.mark.parametrize(
    "value",
    [
        b"plain",
        b'it\'s "quoted"',
        b"$HOME ${HOME} $(id) `id`",
        b"back\\slash \\n \\0",
        b"-n --leading -dashes",
        b"  spaces around  ",
        b"\ttab and * ? [a] ~ ; & | < > # !",
        b"{{7*7}} %s %n",
        b"two\nlines",
        "Grüße \u202eRTL \U0001f511".encode(),
        b"\xff\xfe not UTF-8 \x01\x7f",
        b"",
        b"=",
    ],
)
def test_any_value_arrives_as_it_is(tmp_path: Path, value: bytes) -> None:
    (tmp_path / "SECRET_1").write_bytes(value)

    assert run(tmp_path, "printenv", "SECRET_1").stdout == value + b"\n"


def test_newlines_at_the_end_are_the_editors_not_the_secrets(tmp_path: Path) -> None:
    (tmp_path / "SECRET").write_bytes(b"value\n\n")

    assert run(tmp_path, "printenv", "SECRET").stdout == b"value\n"


@pytest.mark.parametrize("name", ["lower", "Mixed", "1ST", "_X", "WITH-DASH", "DOT.TXT", "A B", "A=B", "$(id)", "-X"])
def test_a_file_with_another_kind_of_name_is_no_variable(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("sentinel")

    done = run(tmp_path, "env")

    assert done.returncode == 0
    assert b"sentinel" not in done.stdout


def test_arguments_reach_the_command_as_they_are(tmp_path: Path) -> None:
    done = run(tmp_path, "printf", "<%s>", "a b", "$HOME", "-x", "")

    assert done.stdout == b"<a b><$HOME><-x><>"


def test_the_commands_exit_status_is_its_own(tmp_path: Path) -> None:
    assert run(tmp_path, "sh", "-c", "exit 7").returncode == 7


def test_without_secrets_the_command_runs(tmp_path: Path) -> None:
    assert run(tmp_path / "none", "echo", "up").stdout == b"up\n"


def test_the_scripts_own_variables_do_not_leak_a_secret(tmp_path: Path) -> None:
    (tmp_path / "SECRET").write_text("sentinel")

    done = run(tmp_path, "env", value="exported by the caller", name="x", file="y")

    assert done.stdout.count(b"sentinel") == 1


def test_a_folder_named_like_a_secret_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "FOLDER").mkdir()

    assert run(tmp_path, "echo", "up").stdout == b"up\n"
