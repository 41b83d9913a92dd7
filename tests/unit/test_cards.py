"""cards.pdf, read back: every participant's card says what they need, and nothing of another's."""

import io
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pypdf
import pytest

from orchestrator.errors import UserError
from orchestrator.handouts.cards import cards_pdf
from orchestrator.handouts.layout import MARGIN, sheet
from orchestrator.handouts.press import Press
from orchestrator.identity.participant import Participant
from orchestrator.resources import TEMPLATES
from tests.unit.handout_samples import OWN_FONTS, credentials, handout, pages, squeezed, without_codes


def test_a_card_says_all_that_its_participant_needs() -> None:
    ada = credentials(team="red")

    (card,) = pages(handout(ada))

    assert ada.api_key is not None
    assert ada.webui_password is not None
    for wanted in (
        "LLMs on premise",
        "Ada Lovelace",
        "p01 · red",
        "1 Dec 2026, 08:30 to 17:30",
        ada.api_base,
        ada.api_key.get_secret_value(),
        "https://llm.example.org:3000",
        "p01@llm-on-prem.workshop.local",
        ada.webui_password.get_secret_value(),
        "mistral-7b, llama3.2",
    ):
        assert squeezed(wanted) in card


def test_each_card_has_its_own_key_and_no_other() -> None:
    people = [credentials(number, f"Person {number}") for number in range(1, 6)]

    cards = pages(handout(*people))

    assert len(cards) == 5
    for card, owner in zip(cards, people, strict=True):
        found = [one for one in people if one.api_key and one.api_key.get_secret_value() in card]
        assert found == [owner]


def test_a_seat_without_a_name_gets_a_card_too() -> None:
    assert "Seatp07" in pages(handout(credentials(7, None)))[0]


def test_the_revoked_and_the_removed_get_none() -> None:
    gone = replace(credentials(2, "Gone"), participant=Participant("p02", "Gone", state="revoked"))

    (card,) = pages(handout(credentials(), gone))

    assert "Gone" not in card


def test_without_a_webui_nothing_is_said_of_chat() -> None:
    bare = replace(credentials(), webui_url=None, webui_email=None, webui_password=None)

    (card,) = pages(handout(bare))

    assert "Chat" not in card
    assert "Password" not in card


def test_a_password_that_the_person_chose_is_not_guessed() -> None:
    assert squeezed("the one that you chose") in pages(handout(replace(credentials(), webui_password=None)))[0]


def test_practice_is_said_on_every_card() -> None:
    assert squeezed("practice: the answers are random text") in pages(replace(handout(credentials()), practice=True))[0]


def test_no_participants_make_a_page_that_says_so() -> None:
    assert pages(handout()) == ["Noparticipants."]


@pytest.mark.parametrize(
    "name",
    [
        'O\'Brien "Bob"',
        "{{7*7}}",
        "#let x = 1",
        "*bold* _x_",
        "$x$",
        "\\ #panic(1)",
        "<label> @ref",
        "// gone",
        "Łukasz Żółć",
        "Nguyễn Văn Đức",
    ],
)
def test_a_hostile_name_stands_there_letter_by_letter(name: str) -> None:
    assert squeezed(name) in pages(handout(credentials(1, name)))[0]


def test_newlines_and_direction_overrides_are_neutralised() -> None:
    assert "evilAda" in pages(handout(credentials(1, "\u202eevil\u202c\n\x07Ada")))[0]


ENDS, BETWEEN = (1, 12), (2, 4, 6, 8, 10)
BETWEEN_ON_LETTER = pytest.mark.full("the ends on letter and all on A4 are printed every day")


@pytest.mark.parametrize(
    ("paper", "per_page"),
    [
        *(("a4", number) for number in (*ENDS, *BETWEEN)),
        *(("letter", number) for number in ENDS),
        *(pytest.param("letter", number, marks=BETWEEN_ON_LETTER) for number in BETWEEN),
    ],
)
def test_the_longest_texts_stay_inside_their_own_card(paper: str, per_page: int) -> None:
    long_address = "https://" + "a-very-long-host-name." * 6 + "example.org:18080"
    names = ["W" * 200, "Maximiliane " * 16, "x"]
    people = [
        replace(
            credentials(number, names[number % 3], team="t" * 60), api_base=long_address + "/v1", webui_url=long_address
        )
        for number in range(per_page + 1)
    ]
    wanted = replace(handout(*people), paper=paper, per_page=per_page, practice=True)  # type: ignore[arg-type]
    grid = sheet(wanted.paper, per_page)
    reader = pypdf.PdfReader(io.BytesIO(without_codes(wanted)))
    assert len(reader.pages) == 2

    owner, outside = "", []

    def visit(text: str, matrix: list[float], text_matrix: list[float], _font: object, _size: float) -> None:
        nonlocal owner
        x = (matrix[0] * text_matrix[4] + matrix[2] * text_matrix[5] + matrix[4]) / 72 * 25.4 - MARGIN
        y = grid.height - MARGIN - (matrix[1] * text_matrix[4] + matrix[3] * text_matrix[5] + matrix[5]) / 72 * 25.4
        here = f"{int(x // grid.card_width)},{int(y // grid.card_height)}"
        if "LLMs on premise" in text:
            owner = here
        if text.strip() and here != owner:
            outside.append((text, here, owner))

    reader.pages[0].extract_text(visitor_text=visit)
    assert owner == f"{grid.columns - 1},{grid.rows - 1}"
    assert outside == []


def test_a_card_with_more_than_it_can_hold_is_refused() -> None:
    crowded = replace(credentials(), models=tuple(f"a-model-with-a-long-name-{number}" for number in range(100)))

    with pytest.raises(UserError) as refused:
        pages(replace(handout(crowded), per_page=8))

    assert refused.value.code == "cards_too_full"
    assert "p01" in refused.value.message


def test_equal_input_makes_equal_files() -> None:
    wanted = handout(*(credentials(number) for number in range(3)))

    assert cards_pdf(wanted, TEMPLATES / "handouts", OWN_FONTS) == cards_pdf(
        wanted, TEMPLATES / "handouts", Press(None, system_fonts=False)
    )


@pytest.mark.skipif(not shutil.which("zbarimg"), reason="zbarimg is not there: apt install zbar-tools")
@pytest.mark.parametrize(
    ("webui", "leads_to"),
    [("https://llm.example.org:3000", "https://llm.example.org:3000"), (None, "https://llm.example.org:8080/v1")],
)
def test_the_code_leads_to_the_chat_and_holds_no_secret(tmp_path: Path, webui: str | None, leads_to: str) -> None:
    import typst

    from orchestrator.handouts.qr import qr_svg

    address = webui or handout().api_base
    picture = tmp_path / "code.png"
    source = (
        b'#set page(width: 40mm, height: 40mm, margin: 6mm)\n#image(bytes(sys.inputs.code), format: "svg", width: 100%)'
    )
    picture.write_bytes(typst.compile(source, format="png", sys_inputs={"code": qr_svg(address)}))

    read = subprocess.run(["zbarimg", "-q", "--raw", str(picture)], capture_output=True, text=True, check=True)

    assert read.stdout.strip() == leads_to
