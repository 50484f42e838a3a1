"""TOML as beginners and attackers write it: mistakes get a hint, and nothing takes much time or memory."""

import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import load_config
from edge.config.section import IN_WORDS
from edge.config.toml_file import tables_of
from edge.config.toml_scan import NESTING_MAX, PARTS_MAX, flaw_of, headers_in
from edge.errors import ConfigError
from edge.machine import CardConfig
from edge.machine.card_files import CardFiles
from edge.machine.report import differs
from edge.machine.toml_text import parse, without_passphrase, without_table
from edge.machine.wanted import KnownSecrets, read
from edge.programs import run

ROOT = Path(__file__).parents[2]


def complaint(text: str) -> str:
    with pytest.raises(ConfigError) as wrong:
        tables_of(text, "gate.toml")
    return str(wrong.value)


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("host = broker.lan", 'Text needs quotes: host = "..."'),
        ("host = 192.0.2.7", 'Text needs quotes: host = "..."'),
        ("host = mqtt://broker.lan:1883", 'Text needs quotes: host = "..."'),
        ("enabled = True", "Write enabled = true, in small letters and without quotes"),
        ("enabled = TRUE  # on", "Write enabled = true, in small letters and without quotes"),
        ("enabled = yes", "Write enabled = true, in small letters and without quotes"),
        ("enabled = Off", "Write enabled = false, in small letters and without quotes"),
        ("led_red = None", "Leave led_red out, or put a # in front of the line"),
        (
            'sounds = "C:\\Users\\door"',
            'A backslash in "..." has a meaning of its own: write two for each one',
        ),
        ('sounds = "\\\\nas\\door"', "or use '...' instead"),
        ("fps = 12,5", "Write a decimal number with a point, not with a comma"),
        ("port = 01883", "Write the number without zeros in front"),
        ("hold_s = 10s", "Write the number alone: its unit is in the key's name"),
        ("hold_s = 10 seconds", "Write the number alone: its unit is in the key's name"),
        ("port =", "The value of port is missing"),
        ("port = # the usual one", "The value of port is missing"),
        ("port = 1883;", "Only a comment may follow the value; it starts with #"),
        ("port = 1883 // the usual one", "Only a comment may follow the value; it starts with #"),
        ("port == 1883", "Write one = after the key: port = ..."),
        ("port => 1883", "Write one = after the key: port = ..."),
        ("port := 1883", "Write = after the key, not a colon: port = ..."),
        ("port: 1883", "Write = after the key, not a colon: port = ..."),
        ("port 1883", "Write = after the key: port = ..."),
        ('host = "broker.lan', 'The closing " is missing'),
        ("host = 'broker.lan", "The closing ' is missing"),
        ('host = """broker.lan', 'The closing """ is missing'),
        ('host = "broker.lan";', "Only a comment may follow the closing quote; it starts with #"),
        ('quiet = ["mon 1:00-2:00"', "The closing ] is missing"),
        ("[site", "The closing ] is missing"),
        ("[[zones]", "The closing ]] is missing"),
        ("// a remark", "A comment starts with #"),
        ("; a remark", "A comment starts with #"),
        ('{"site": {"id": "hq"}}', "This looks like JSON"),
        ("host = \u201cbroker.lan\u201d", "Its quotes are curly"),
        ("host = \u201ebroker.lan\u201c", "Its quotes are curly"),
        ("port\u00a0= 1883", "It holds a special blank (U+00A0), as copied from a web page"),
        ("port = \u20131883", "It holds a long dash (U+2013): write -"),
        ("[mqtt]\nport = 1\n[mqtt]", "is in the file more than once, or in two ways: keep one"),
        ("[mqtt]\nport = 1\nport = 2\n", "is in the file more than once, or in two ways: keep one"),
        ("{\\rtf1\\ansi\\deff0", "It is a document of a word processor (RTF): save it as plain text"),
    ],
)
def test_what_beginners_write_gets_its_hint(line: str, hint: str) -> None:
    assert hint in complaint(line)
    text = f"# a file\n[tampering]\nafter_s = 1\n{line}\n"
    if not line.startswith("{"):
        assert hint in complaint(text)
        assert "not valid TOML" in complaint(text)


@pytest.mark.parametrize(
    "line", ["passphrase = {}", 'passphrase = "{}', "passphrase: {}", 'passphrase = "{}" x', 'p = "\\{}"']
)
def test_a_hint_never_shows_the_value(line: str) -> None:
    assert "secret-word" not in complaint(line.format("secret-word"))


def test_paths_with_backslashes_that_mean_something_are_named(tmp_path: Path) -> None:
    file = tmp_path / "gate.toml"
    file.write_text('[speaker]\nsounds = "C:\\temp\\new"\n')
    with pytest.raises(ConfigError, match=r"speaker.sounds: holds a control character: a backslash in"):
        load_config(file)


VALUES = st.recursive(
    st.one_of(
        st.sampled_from(["true", "false"]),
        st.integers().map(str),
        st.sampled_from(['"a.b"', "'[x]'", '"""\n[y]\n"a"b"""', "'''[z]'''"]),
    ),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(map(str, items))}]"),
    max_leaves=6,
)
KEYS = st.sampled_from(["a", "b-1", '"q.r"', "'s'", "x . y", 'm."[n]".o'])
TABLES = st.lists(
    st.tuples(
        st.integers(0, 10**9), st.lists(st.tuples(KEYS, VALUES), max_size=4, unique_by=lambda pair: pair[0])
    ),
    max_size=6,
)


@given(TABLES, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "  ", "\t"]))
def test_headers_are_found_wherever_else_brackets_stand(
    tables: list[tuple[int, list[tuple[str, str]]]], end: str, indent: str
) -> None:
    text, places = f"# [not one]{end}", []
    for number, (name, pairs) in enumerate(tables):
        places.append(len(text))
        text += f"{indent}[t{number}.t{name}] # [it]{end}"
        text += "".join(f"{indent}{key} = {value} # [n]{end}" for key, value in pairs)
    assert parse(text) is not None
    assert flaw_of(text) is None
    assert list(headers_in(text)) == places


@pytest.mark.parametrize(
    "text",
    [
        "a." * PARTS_MAX + "a = 1",
        "x = 1\n[" + "'a' . " * PARTS_MAX + "a]",
        'x = {b = """"""", ' + '"a" .\t' * PARTS_MAX + "a = 1}",
        "x = {b = ''''a'''', " + "a." * PARTS_MAX + "a = 1}",
        'x = {b = "\\"", ' + "a." * PARTS_MAX + "a = 1}",
        "y = '''\n''' # '''\n" + "a." * PARTS_MAX + "a = '''x'''",
    ],
)
def test_a_key_of_many_parts_is_refused_wherever_it_hides(text: str) -> None:
    assert parse(text) is not None  # it is valid otherwise
    assert re.search(r"not valid TOML: a key with more than 20 parts \(at line \d\)", complaint(text))
    assert flaw_of(text.replace("a.", "", 1).replace("a' .", "a' ", 1).replace('a" .', 'a" ', 1)) is None


def test_brackets_within_each_other_are_bounded() -> None:
    deep = "[" * NESTING_MAX + "]" * NESTING_MAX
    assert flaw_of(f"a = {deep}") is None
    assert flaw_of(f"a = [{deep}]") == "too many brackets within each other (at line 1)"
    assert flaw_of('a = "' + "[" * 1000 + '" # ' + "{" * 1000) is None


@given(st.text(alphabet="ab.=[]{}\"'#\\\n \t,1", max_size=300))
def test_the_scan_agrees_with_the_parser_about_any_text(text: str) -> None:
    flaw = flaw_of(text)
    if parse(text) is not None:
        brackets = text.count("[") + text.count("{")
        assert flaw is None or text.count(".") >= PARTS_MAX or brackets > NESTING_MAX


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece",
    [
        '"\\',
        '"""',
        "'''",
        '"\\"',
        "'\"",
        "a.",
        "[",
        "[]",
        "\n",
        "[a]\n",
        '""',
        "\\",
        '""""',
        "#",
        "= ",
        "{a.",
    ],
)
def test_any_text_is_refused_or_read_in_linear_time(piece: str) -> None:
    text = "x = " + piece * ((1 << 18) // len(piece))
    flaw_of(text)
    sum(1 for _ in headers_in(text))


def bounded(code: str) -> str:
    """Run Python code with 1 GB of memory and a minute of time."""
    command = f"ulimit -v 1000000; exec {sys.executable} -c '{code}'"
    return run("sh", "-c", command, timeout_s=60, folder=ROOT, output_max=1 << 20).text


@pytest.mark.slow
@pytest.mark.parametrize("key", ["a.", "mqtt.", '"a".'])
def test_54_kilobytes_of_dotted_keys_take_neither_memory_nor_time(tmp_path: Path, key: str) -> None:
    file = tmp_path / "gate.toml"
    file.write_text(key * (54_000 // len(key)) + "a = 1\n")
    said = bounded(
        "from pathlib import Path; from edge.config import load_config; from edge.errors import ConfigError\n"
        f'try: load_config(Path("{file}"))\nexcept ConfigError as e: print(e)'
    )
    assert said == f"{file}: not valid TOML: a key with more than 20 parts (at line 1)\n"


def card(text: str) -> CardFiles:
    return CardFiles(text.encode(), {})


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_card_made_to_take_time_is_read_in_time() -> None:
    site = '[site]\nid = "hq"\ndevice = "north-door"\n'
    rows = site + "x = [\n" + "[1],\n" * 12_000 + "]\n"
    assert without_table(rows, "machine") == rows
    looks = site + "".join(f'[machine.w{n}]\npassphrase = "12345678"\n' for n in range(1_400))
    wifi = (
        looks + '[machine.wifi]\nssid = """\n' + 'passphrase = "x"\n' * 500 + '"""\npassphrase = "12345678"\n'
    )
    assert without_passphrase(wifi) is None
    with pytest.raises(ConfigError, match=r"mistakes:") as wrong:
        read(card(wifi), KnownSecrets({}, {}))
    assert "12345678" not in str(wrong.value)
    assert len(str(wrong.value)) < 100_000


def test_mistakes_without_an_end_are_counted_and_not_all_listed(tmp_path: Path) -> None:
    file = tmp_path / "gate.toml"
    file.write_text("[faces]\n" + "".join(f"k{n} = 1\n" for n in range(4_000)) + f"{'l' * 50_000} = 1\n")
    with pytest.raises(ConfigError) as wrong:
        load_config(file)
    lines = str(wrong.value).splitlines()
    assert lines[0].endswith("4001 mistakes:")
    assert lines[-1] == "  and 3901 more"
    assert len(lines) == 102
    assert len(str(wrong.value)) < 50_000


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", ["1", "1.", ".", "Written ", "1 frames/s", "\n"])
def test_a_report_made_to_take_time_is_compared_in_time(tmp_path: Path, piece: str) -> None:
    rng = random.Random(7)
    text = piece * (250_000 // len(piece)) + str(rng.random())
    (tmp_path / "maskgate-report.txt").write_text(text)
    assert differs(tmp_path, "another")


def patterns(kind: object) -> Iterator[str]:
    """Every pattern of a section and of those in it."""
    if isinstance(kind, dict):
        for key, value in kind.items():
            if key == "pattern":
                yield str(value)
            else:
                yield from patterns(value)
    elif isinstance(kind, list):
        for value in kind:
            yield from patterns(value)


def test_every_pattern_is_explained_in_words() -> None:
    assert set(patterns(CardConfig.model_json_schema())) - IN_WORDS.keys() == set()
