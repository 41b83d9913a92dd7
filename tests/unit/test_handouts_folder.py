"""The folder of handouts: for the owner only, written whole, and left alone when nothing changed."""

import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from orchestrator.errors import UserError
from orchestrator.handouts import Handout, write_handouts
from tests.unit.handout_samples import credentials, handout


def write(folder: Path, wanted: Handout) -> bool:
    return write_handouts(folder, wanted, system_fonts=False).changed


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_three_files_that_only_their_owner_can_read(tmp_path: Path) -> None:
    written = write_handouts(tmp_path / "handouts", handout(credentials(1), credentials(2)), system_fonts=False)

    assert [file.name for file in written.files] == ["cards.pdf", "cards.csv", "guide.html"]
    assert (written.changed, written.cards) == (True, 2)
    assert mode(tmp_path / "handouts") == 0o700
    assert {mode(file) for file in (tmp_path / "handouts").iterdir()} == {0o600}


def test_the_second_time_nothing_is_touched(tmp_path: Path) -> None:
    write(tmp_path, handout(credentials()))
    before = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}

    assert write(tmp_path, handout(credentials())) is False
    assert {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == before


def test_the_second_time_does_not_even_load_typst(tmp_path: Path) -> None:
    write(tmp_path, handout(credentials()))
    program = (
        "import sys; from pathlib import Path; from tests.unit.handout_samples import credentials, handout;"
        "from orchestrator.handouts import write_handouts;"
        f"assert not write_handouts(Path({str(tmp_path)!r}), handout(credentials()), system_fonts=False).changed;"
        "assert 'typst' not in sys.modules; assert 'segno' not in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )


def test_a_new_key_changes_the_cards_and_leaves_the_guide(tmp_path: Path) -> None:
    write(tmp_path, handout(credentials()))
    guide = (tmp_path / "guide.html").stat().st_mtime_ns
    rotated = replace(credentials(), api_key=SecretStr("ws-0000-0000-0000-0000-0000-0000-00"))

    assert write(tmp_path, handout(rotated)) is True
    assert b"ws-0000-0000" in (tmp_path / "cards.csv").read_bytes()
    assert (tmp_path / "guide.html").stat().st_mtime_ns == guide


@pytest.mark.parametrize("name", ["cards.pdf", "cards.csv", "guide.html"])
def test_a_file_that_was_lost_or_changed_comes_back(tmp_path: Path, name: str) -> None:
    write(tmp_path, handout(credentials()))
    right = (tmp_path / name).read_bytes()

    (tmp_path / name).unlink()
    assert write(tmp_path, handout(credentials())) is True
    (tmp_path / name).write_bytes(b"scribbled over")
    assert write(tmp_path, handout(credentials())) is True

    assert (tmp_path / name).read_bytes() == right


def test_a_mode_that_somebody_opened_is_closed_again(tmp_path: Path) -> None:
    write(tmp_path, handout(credentials()))
    (tmp_path / "cards.csv").chmod(0o644)

    assert write(tmp_path, handout(credentials())) is True
    assert mode(tmp_path / "cards.csv") == 0o600


def test_a_link_in_the_way_is_replaced_rather_than_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("not mine")
    folder = tmp_path / "handouts"
    folder.mkdir()
    (folder / "cards.csv").symlink_to(elsewhere)

    write(folder, handout(credentials()))

    assert elsewhere.read_text() == "not mine"
    assert not (folder / "cards.csv").is_symlink()


def test_a_refused_handout_leaves_the_old_files(tmp_path: Path) -> None:
    write(tmp_path, handout(credentials()))
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    with pytest.raises(UserError, match="no font"):
        write(tmp_path, handout(credentials(1, "王")))

    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_folder_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(UserError) as refused:
        write(tmp_path / "file" / "handouts", handout(credentials()))

    assert refused.value.code == "handouts_not_written"


def test_a_fonts_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        write(tmp_path, replace(handout(credentials()), fonts=tmp_path / "nowhere"))

    assert refused.value.code == "fonts_folder_missing"
    assert refused.value.where.file == tmp_path / "nowhere"


def test_equal_input_makes_equal_files_in_any_folder(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, handout(credentials()))

    one, two = ({file.name: file.read_bytes() for file in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two


def test_the_authoritys_certificate_lies_beside_the_guide_while_there_is_one(tmp_path: Path) -> None:
    certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    source = tmp_path / "source.pem"
    source.write_text(f"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n{certificate}")
    folder, own = tmp_path / "handouts", replace(handout(credentials()), ca_certificate=source)

    assert write(folder, own) is True
    assert (folder / "workshop-ca.crt").read_text() == certificate
    assert mode(folder / "workshop-ca.crt") == 0o600
    assert write(folder, own) is False
    (folder / "workshop-ca.crt").unlink()
    assert write(folder, own) is True
    assert write(folder, handout(credentials())) is True
    assert not (folder / "workshop-ca.crt").exists()


def test_somebody_elses_file_of_that_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "workshop-ca.crt").write_text("theirs")

    write(tmp_path, handout(credentials()))

    assert (tmp_path / "workshop-ca.crt").read_text() == "theirs"


def test_a_page_that_says_the_same_is_not_made_again_and_one_that_was_touched_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, handout(credentials(1), credentials(2)))
    page = (tmp_path / "guide.html").read_bytes()
    made: list[str] = []

    def guide_html(wanted: Handout, templates: Path) -> bytes:
        made.append(wanted.title)
        return page

    monkeypatch.setattr("orchestrator.handouts.guide.guide_html", guide_html)
    assert write(tmp_path, handout(credentials(1)))
    assert made == []
    (tmp_path / "guide.html").write_bytes(b"somebody's")
    assert write(tmp_path, handout(credentials(2)))
    assert len(made) == 1
    assert (tmp_path / "guide.html").read_bytes() == page
    assert write(tmp_path, replace(handout(credentials(2)), title="Another"))
    assert made[1:] == ["Another"]
