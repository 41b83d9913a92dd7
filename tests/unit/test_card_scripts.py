"""Names in any script print right, or the error says whose don't and which package has the letters."""

import io
import shutil
from pathlib import Path

import pypdf
import pytest

from orchestrator.errors import UserError
from orchestrator.handouts.cards import cards_pdf
from orchestrator.handouts.press import Press
from orchestrator.resources import TEMPLATES
from tests.unit.handout_samples import OWN_FONTS, credentials, handout, pages, squeezed

DEBIAN = Path("/usr/share/fonts")
CORE = DEBIAN / "truetype/noto/NotoSansDevanagari-Regular.ttf"
CJK = DEBIAN / "opentype/noto/NotoSansCJK-Regular.ttc"
EMOJI = DEBIAN / "truetype/noto/NotoColorEmoji.ttf"

needs_core = pytest.mark.skipif(not CORE.is_file(), reason="no fonts for Indic scripts: apt install fonts-noto-core")
needs_cjk = pytest.mark.skipif(not CJK.is_file(), reason="no fonts for Chinese: apt install fonts-noto-cjk")
needs_emoji = pytest.mark.skipif(not EMOJI.is_file(), reason="no emoji: apt install fonts-noto-color-emoji")


def fonts_of(data: bytes) -> set[str]:
    reader = pypdf.PdfReader(io.BytesIO(data))
    found = [font.get_object() for page in reader.pages for font in page["/Resources"]["/Font"].values()]  # type: ignore[index]
    return {str(font.get("/BaseFont", "bitmaps")).partition("+")[2].partition("-")[0] for font in found}


def print_card(name: str, press: Press) -> bytes:
    return cards_pdf(handout(credentials(3, name)), TEMPLATES / "handouts", press)


@pytest.mark.parametrize(
    ("name", "script", "package"),
    [
        ("अनुष्का शर्मा", "Devanagari", "fonts-noto-core"),
        ("தமிழ்", "Tamil", "fonts-noto-core"),
        ("ไทย", "Thai", "fonts-noto-core"),
        ("علی ڪريم ٿورو", "Arabic", "fonts-noto-core"),
        ("王小明", "Han", "fonts-noto-cjk"),
        ("김철수", "Hangul", "fonts-noto-cjk"),
        ("さくら", "Hiragana", "fonts-noto-cjk"),
        ("Ada 👩🏽‍🔬", "Emoji", "fonts-noto-color-emoji"),
        ("1️⃣ 🇩🇪", "Emoji", "fonts-noto-color-emoji"),
    ],
)
def test_a_missing_script_names_the_participant_the_script_and_the_package(
    name: str, script: str, package: str
) -> None:
    with pytest.raises(UserError) as refused:
        print_card(name, OWN_FONTS)

    assert refused.value.code == "font_missing"
    assert f"p03 ({name})" in refused.value.message
    assert script in refused.value.message
    assert f"Install {package} (apt install)" in str(refused.value.hint)
    assert "handouts.fonts" in str(refused.value.hint)


def test_all_that_is_missing_is_said_at_once() -> None:
    people = [credentials(1, "王小明"), credentials(2, "Ada"), credentials(3, "नेहा"), credentials(4, "🎉")]

    with pytest.raises(UserError) as refused:
        pages(handout(*people))

    assert "p02" not in refused.value.message
    assert all(person in refused.value.message for person in ("p01 (王小明)", "p03 (नेहा)", "p04 (🎉)"))
    assert "fonts-noto-cjk fonts-noto-color-emoji fonts-noto-core" in str(refused.value.hint)


def test_a_crowd_is_counted_rather_than_listed() -> None:
    with pytest.raises(UserError, match=r"p05 \(王\) and 15 more"):
        pages(handout(*(credentials(number, "王") for number in range(1, 21))))


def test_a_character_that_no_font_can_have_sends_nobody_after_a_package() -> None:
    with pytest.raises(UserError) as refused:
        print_card("a\ue999", OWN_FONTS)

    assert "U+E999" in refused.value.message
    assert "apt" not in str(refused.value.hint)


@pytest.mark.parametrize(
    "name", ["Łukasz", "Дмитрий", "Ἀλέξανδρος", "Nguyễn", "יוסף", "ქართული", "Հայերեն", "محمد علي"]
)
def test_many_scripts_need_no_other_font_than_typsts_own(name: str) -> None:
    assert print_card(name, OWN_FONTS).startswith(b"%PDF")


@needs_core
@pytest.mark.parametrize(
    ("name", "font"), [("अनुष्का शर्मा", "NotoSansDevanagari"), ("தமிழ்", "NotoSansTamil"), ("ไทย", "NotoSansThai")]
)
def test_a_script_that_needs_shaping_is_set_in_a_font_of_that_script(name: str, font: str) -> None:
    assert font in fonts_of(print_card(name, Press(None)))


@needs_core
def test_conjuncts_are_formed() -> None:
    """Prints fewer glyphs than letters: the clusters of 'ksha' and 'shtra' become one each."""
    import typst

    source = b'#set text(font: "Noto Sans Devanagari", size: 10pt)\n#context [#metadata(measure(sys.inputs.name).width.pt()) <w>]'
    joined, apart = (
        float(typst.query(source, "<w>", field="value", one=True, sys_inputs={"name": name}))
        for name in ("क्ष", "क\u200c्\u200cष")
    )
    assert joined < apart


@needs_core
def test_a_folder_of_fonts_is_enough(tmp_path: Path) -> None:
    shutil.copy(CORE, tmp_path)

    assert "NotoSansDevanagari" in fonts_of(print_card("नेहा", Press(tmp_path, system_fonts=False)))


@needs_cjk
@pytest.mark.parametrize(
    ("name", "font"), [("王小明", "NotoSansCJKsc"), ("田中さくら", "NotoSansCJKjp"), ("김철수", "NotoSansCJKkr")]
)
def test_east_asian_names_are_drawn_as_in_their_country(name: str, font: str) -> None:
    assert font in fonts_of(print_card(name, Press(None)))
    assert squeezed(name) in pages(handout(credentials(1, name)), Press(None))[0]


@needs_emoji
@pytest.mark.parametrize("name", ["👩🏽‍🔬", "🏳️‍🌈", "1️⃣", "🇩🇪", "❤️"])
def test_emoji_sequences_print(name: str) -> None:
    assert print_card(f"Ada {name}", Press(None)).startswith(b"%PDF")


@needs_core
def test_arabic_letters_stand_in_their_order() -> None:
    card = pages(handout(credentials(1, "محمد علي")), Press(None))[0]

    assert "محمد" in card


def test_the_systems_fonts_are_looked_through_only_where_a_text_may_need_them() -> None:
    press = Press(None)
    assert not press.for_texts(["Zoë Müller", "ws-0000", "Łódź"]).system_fonts
    assert press.for_texts(["Ada", "\u0645\u0631\u064a\u0645"]) is press
