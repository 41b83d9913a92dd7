"""The unit tests of the rules once more, in the engine that runs them in a class: njs in the gateway's nginx."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from orchestrator.spec.components import Component
from tests.unit.njs_rules import RULES, TESTS, cases, write_data, zones

CONF = """\
load_module modules/ngx_http_js_module.so;
user nginx;
worker_processes 1;
error_log /dev/stderr error;
events {{ worker_connections 64; }}
http {{
    access_log off;
    js_path /tests/;
    js_import every from every.js;
    {zones}
    server {{
        listen 127.0.0.1:9000;
        location / {{ js_content every.run; }}
    }}
}}
"""
EVERY = """\
{imports}

async function run(r) {{
    const asked = decodeURIComponent(r.variables.args).split('\\n');
    let problem = null;
    try {{ await {{ {files} }}[asked[0]][asked[1]](); }} catch (e) {{ problem = String(e.stack || e); }}
    r.return(200, JSON.stringify(problem));
}}

export default {{ run }};
"""


@pytest.fixture(scope="module")
def nginx(
    run_container: Callable[..., Any], packaged: Callable[[Component], str], tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """A container whose nginx runs the test that the query names, each in a request of its own."""
    folder = tmp_path_factory.mktemp("rules")
    for file in (*RULES.glob("*.js"), *TESTS.glob("*.js")):
        shutil.copy(file, folder)
    write_data(folder)
    files = sorted({file for file, _ in cases()})
    imports = "\n".join(f"import t{number} from '{file}';" for number, file in enumerate(files))
    named = ", ".join(f"'{file}': t{number}" for number, file in enumerate(files))
    (folder / "every.js").write_text(EVERY.format(imports=imports, files=named), encoding="utf-8")
    (folder / "nginx.conf").write_text(CONF.format(zones="\n    ".join(zones().values())), encoding="utf-8")
    folder.chmod(0o755)
    return run_container(
        packaged(Component("gateway")),
        ["nginx", "-c", "/tests/nginx.conf", "-g", "daemon off;"],
        folder.name,
        volumes={str(folder): {"bind": "/tests", "mode": "ro"}},
    )


@pytest.fixture(scope="module")
def problems(nginx: Any) -> dict[tuple[str, str], str | None]:
    """Each test -> None, or what was wrong; one curl asks for all of them."""
    asked = [f"{file}\n{name}" for file, name in cases()]
    urls = [f"http://127.0.0.1:9000/?{quote(one, safe='')}" for one in asked]
    patient = ["--retry", "20", "--retry-connrefused", "--retry-delay", "1"]
    code, (output, said) = nginx.exec_run(["curl", "-sS", *patient, "--write-out", "\\n", *urls], demux=True)
    assert code == 0, (said or b"").decode() + nginx.logs().decode()
    return dict(zip(cases(), map(json.loads, output.splitlines()), strict=True))


@pytest.mark.parametrize(("file", "name"), cases(), ids=lambda value: value)
def test_rules(problems: dict[tuple[str, str], str | None], file: str, name: str) -> None:
    problem = problems[file, name]
    assert problem is None, problem


def test_nothing_else_stands_in_the_error_log(nginx: Any) -> None:
    assert nginx.logs().decode() == ""
