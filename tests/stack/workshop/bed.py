"""The whole program as its user meets it: the installed console scripts, a spec in a folder, a real Docker engine.

Nothing here is pulled from a registry: images that are not on the machine yet are built from packages by the program.
Every workshop has a name of its own and is removed at the end, whatever happens, by that name and no other.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import docker
import openai
import requests

SCRIPTS = Path(sys.executable).parent
PATIENCE = 600  # seconds for a command; images may have to be built first
GGUF = "ggml-org/models/tinyllamas/stories260K.gguf"
FONTS = Path("/usr/share/fonts")


def free_port() -> int:
    with socket.create_server(("", 0)) as listener:
        return int(listener.getsockname()[1])


def llama(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "engine": "llamacpp", "source": GGUF, **more}


@dataclass(frozen=True)
class Ran:
    """A command that came to its end."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def json(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)

    @property
    def line(self) -> str:
        """The one line on stderr, without the progress before it."""
        lines = [line for line in self.err.splitlines() if line and not line[:6].strip().replace(".", "").isdigit()]
        assert len(lines) == 1, self.err
        return lines[0]


@dataclass
class Workshop:
    """A spec, and what the program is told to do with it."""

    folder: Path
    spec: dict[str, Any]
    engine: docker.DockerClient
    environment: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)  # all that commands ever printed
    clients: list[openai.OpenAI] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.write()

    @property
    def name(self) -> str:
        return str(self.spec["name"])

    @property
    def file(self) -> Path:
        return self.folder / "workshop.yaml"

    @property
    def state(self) -> Path:
        return self.folder / ".workshop" / self.name

    @property
    def stack(self) -> Path:
        return self.folder / "stack" / f"workshop-{self.name}"

    @property
    def temporary(self) -> Path:
        """What the program's children take for /tmp."""
        return self.folder / "tmp"

    @property
    def api(self) -> str:
        scheme = "https" if "tls" in self.spec["public"] else "http"
        return f"{scheme}://127.0.0.1:{self.spec['gateway']['port']}"

    @property
    def webui(self) -> str:
        return self.api.replace(str(self.spec["gateway"]["port"]), str(self.spec["webui"]["port"]))

    def write(self, **changes: Any) -> None:
        """The spec with these sections in place of its own. JSON is YAML."""
        self.spec |= changes
        self.file.write_text(json.dumps(self.spec, indent=2, ensure_ascii=False), encoding="utf-8")

    def roster(self, *people: tuple[str, str, str]) -> None:
        """Name, mail, team."""
        with (self.folder / "people.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("name", "email", "team"), *people])

    def start(self, *command: str, under: tuple[str, ...] = (), **changes: str) -> subprocess.Popen[str]:
        """A command in a session of its own, with pipes."""
        self.temporary.mkdir(exist_ok=True)
        own = {"WORKSHOP_STACK_DIR": str(self.folder / "stack"), "TMPDIR": str(self.temporary)}
        return subprocess.Popen(
            [*under, str(SCRIPTS / command[0]), *command[1:]],
            cwd=self.folder,
            env={**os.environ, **own, **self.environment, **changes},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )

    def run(self, *command: str, code: int = 0, **changes: str) -> Ran:
        begun = time.monotonic()
        process = self.start(*command, under=(), **changes)
        out, err = process.communicate(timeout=PATIENCE)
        self.said += [out, err]
        assert process.returncode == code, f"{' '.join(command)}: {process.returncode}\n{out}\n{err}"
        return Ran(process.returncode, out, err, time.monotonic() - begun)

    def provision(self, *options: str, code: int = 0) -> dict[str, Any]:
        ran = self.run("provision", str(self.file), "--output", "json", *options, code=code)
        print(f"provision {self.name}: {ran.seconds:.1f} s\n{ran.err}")
        return dict(ran.json)

    def interrupt(self, at: str, number: signal.Signals, *command: str) -> tuple[int, str]:
        """Provision, and send a signal once a line of progress has `at` in it: exit code, stderr.

        Under nohup, the harder case: no hang-up ends what the command leaves behind.
        """
        process = self.start(*(command or ("provision", str(self.file), "--output", "json")), under=("nohup",))
        assert process.stderr is not None
        lines: list[str] = []
        for line in process.stderr:
            lines.append(line)
            if at in line:
                os.kill(process.pid, number)
                break
        out, err = process.communicate(timeout=PATIENCE)
        self.said += [*lines, out, err]
        assert any(at in line for line in lines), "".join(lines)
        return process.returncode, "".join(lines) + err

    def processes(self) -> list[str]:
        """What still runs of the commands of this workshop."""
        mark, found = f"TMPDIR={self.temporary}\0".encode(), []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes() + b"\0":
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        return found

    def settle(self) -> None:
        """Until nothing runs any more that a killed command had started."""
        end = time.monotonic() + 20
        while left := self.processes():
            assert time.monotonic() < end, left
            time.sleep(0.1)

    def workshop(self, command: str, *options: str, code: int = 0, **changes: str) -> Ran:
        return self.run("workshop", *command.split(), str(self.file), *options, code=code, **changes)

    def people(self, *options: str) -> list[dict[str, Any]]:
        return list(self.workshop("participants list", "--output", "json", *options).json)

    def person(self, participant: str) -> dict[str, Any]:
        return next(person for person in self.people("--all") if person["id"] == participant)

    def containers(self) -> dict[str, Any]:
        """By service."""
        found = self.engine.containers.list(all=True, filters={"label": f"workshop.name={self.name}"})
        return {container.labels["com.docker.compose.service"]: container for container in found}

    def container(self, service: str) -> Any:
        return self.containers()[service]

    def starts(self) -> dict[str, tuple[str, str]]:
        """Service -> container and when it was started: different after anything was restarted."""
        return {service: (c.id, c.attrs["State"]["StartedAt"]) for service, c in self.containers().items()}

    def things(self) -> list[str]:
        """All that Docker has of this workshop, asked without the program."""
        label = {"label": f"workshop.name={self.name}"}
        project = {"label": f"com.docker.compose.project=workshop-{self.name}"}
        found = [thing.name for f in (label, project) for thing in self.engine.containers.list(all=True, filters=f)]
        found += [thing.name for f in (label, project) for thing in self.engine.networks.list(filters=f)]
        found += [thing.name for f in (label, project) for thing in self.engine.volumes.list(filters=f)]
        return sorted(set(found))

    def client(self, person: dict[str, Any] | str) -> openai.OpenAI:
        """OpenAI's own client, as the guide tells a participant to make it."""
        key = person if isinstance(person, str) else person["api_key"]
        self.clients.append(openai.OpenAI(base_url=f"{self.api}/v1", api_key=key, max_retries=0, timeout=60))
        return self.clients[-1]

    def sign_in(self, email: str, password: str) -> requests.Response:
        form = {"email": email, "password": password}
        return requests.post(f"{self.webui}/api/v1/auths/signin", json=form, timeout=60)

    def admin(self) -> dict[str, str]:
        """The administrator's headers at Open WebUI, by the sign-in that the instructor is given."""
        lines = (self.state / "handouts" / "instructor.txt").read_text(encoding="utf-8").splitlines()
        told = dict(line.split(":", 1) for line in lines[1:])
        answer = self.sign_in(told["E-mail"].strip(), told["Password"].strip())
        return {"Authorization": f"Bearer {answer.json()['token']}"}

    def accounts(self) -> list[dict[str, Any]]:
        """All accounts of Open WebUI, as its administrator sees them."""
        answer = requests.get(f"{self.webui}/api/v1/users/all", headers=self.admin(), timeout=60)
        return list(answer.json()["users"])

    def remove(self) -> None:
        """By the program, then by label whatever it should have left."""
        for client in self.clients:
            client.close()
        if (self.state / "state.sqlite3").exists():
            state = str(self.folder / ".workshop")
            self.start("workshop", "teardown", "--name", self.name, "--state-dir", state, "--yes").communicate()
        label = {"label": f"workshop.name={self.name}"}
        for container in self.engine.containers.list(all=True, filters=label):
            container.remove(force=True, v=True)
        for thing in (*self.engine.networks.list(filters=label), *self.engine.volumes.list(filters=label)):
            thing.remove()


def ask(client: openai.OpenAI, model: str, tokens: int = 8) -> str:
    """A model's answer to one question."""
    answer = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Hello"}], max_tokens=tokens
    )
    return answer.choices[0].message.content or ""


class Watch:
    """Looks at the processes of a workshop's commands while they run: their arguments and their environments."""

    def __init__(self, workshop: Workshop) -> None:
        self.mark = f"TMPDIR={workshop.temporary}\0".encode()
        self.arguments: set[bytes] = set()
        self.environments: set[bytes] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.05):
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit():
                    self._look_at(entry)

    def _look_at(self, entry: Path) -> None:
        try:
            environment = (entry / "environ").read_bytes()
            if self.mark in environment + b"\0":
                self.environments.add(environment)
                self.arguments.add((entry / "cmdline").read_bytes())
        except OSError:
            return  # it has ended


def hostile_people() -> list[tuple[str, str, str]]:
    """Names that would break what does not quote them; scripts only where there are fonts for the cards."""
    people = [
        ("Robert'); DROP TABLE people;--", "robert@class.example.org", ""),
        ('O\'Brien "Bo" {{7*7}} ${HOME} $(id) `id`', "Brien@Class.example.org", ""),
        ("{% raw %}}{ <b>&amp; \\n %s #\nline", "braces@class.example.org", "staff"),
        ("=HYPERLINK(1)", "formula@class.example.org", ""),
    ]
    if (FONTS / "truetype/noto/NotoSansArabic-Regular.ttf").exists():
        people.append(("\u202eمريم العربي\u202c", "maryam@class.example.org", ""))
    if (FONTS / "truetype/noto/NotoColorEmoji.ttf").exists():
        people.append(("Zoë 👩🏽\u200d🔬", "zoe@class.example.org", ""))
    return people


@dataclass(frozen=True)
class Provisioned:
    """The workshop that most tests look at, and how it came to be."""

    workshop: Workshop
    document: dict[str, Any]
    watch: Watch
