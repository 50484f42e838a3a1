"""What the documents say is what the programs do."""

import ast
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown import ROOT, anchors, blocks, inline, links, pages, prose, read, shell_commands, short

import convert.cli.program
import edge
import edge.cli.program
from docs.generate.commands import leaves
from docs.generate.configuration import sections
from edge.machine.settings import CardConfig
from edge.ops.messages import KINDS

PARSERS = {
    "maskgate": edge.cli.program.build_parser(),
    "mask-convert": convert.cli.program.build_parser(),
}
BARRED = {"tensorflow", "keras", "onnx", "convert", "skimage", "matplotlib", "scipy", "amqtt", "picamera2"}
TARGETS = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
TREES = ("edge", "convert", "systemd", "models", "tests", "docs", ".ci")
NOT_THERE = {"edge/newroom.py"}
"""Examples of what is not there."""
every_page = pytest.mark.parametrize("page", pages(), ids=short)


def test_the_readme_is_an_entrance() -> None:
    assert len(read("README.md").splitlines()) <= 150


@every_page
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    text = read(page)
    named = [code for code in inline(text) if code.startswith("make ")]
    named += [line for block in blocks(text) for line in block.splitlines() if line.startswith("make ")]
    words = [line.partition("#")[0].split() for line in named]
    assert [w[1] for w in words if len(w) > 1 and w[1] not in TARGETS] == []


@every_page
def test_every_command_that_is_shown_parses(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = read(page)
    for block in blocks(text):
        for words in shell_commands(block):
            if (name := Path(words[0]).name) in PARSERS and not words[0].startswith("#"):
                assert parses(name, words[1:]), (" ".join(words), capsys.readouterr().err)
    for code in inline(text):
        words = code.split()
        shown = words[0] in PARSERS and len(words) > 1 and not starts_a_command(code.removesuffix(" ..."))
        if shown and not parses(words[0], words[1:]):
            error = capsys.readouterr().err  # prose may leave out what a command needs, and no more
            assert "arguments are required" in error or "expected one argument" in error, (code, error)


def test_every_command_in_the_packages_readme_parses(capsys: pytest.CaptureFixture[str]) -> None:
    lines = re.findall(r"^    (.*)$", read("systemd/package/README.Debian"), re.MULTILINE)
    shown = [words for line in lines for words in shell_commands(line) if words[0] in PARSERS]
    assert len(shown) >= 4
    assert [words for words in shown if not parses(words[0], words[1:])] == [], capsys.readouterr().err


def parses(program: str, words: list[str]) -> bool:
    try:
        PARSERS[program].parse_args(words)
    except SystemExit as e:
        return e.code == 0  # --help, --version
    return True


def starts_a_command(text: str) -> bool:
    """Whether commands are named without their arguments: ``maskgate update``."""
    every = [leaf.prog for parser in PARSERS.values() for leaf, _ in leaves(parser)]
    return any(f"{command} ".startswith(f"{text} ") for command in every)


@every_page
def test_every_file_that_is_named_exists(page: Path) -> None:
    named = {c.partition(":")[0] for c in inline(read(page)) if c.partition("/")[0] in TREES and "/" in c}
    named = {
        n for n in named if " " not in n and not any(sign in n for sign in "<>*$…") and n not in NOT_THERE
    }
    assert [n for n in sorted(named) if not (ROOT / n).exists() and not (page.parent / n).exists()] == []


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    text = read(page)
    dead = []
    for link in links(text):
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in anchors(read(target))):
            dead.append(link)
    assert dead == []


@every_page
def test_every_configuration_key_that_is_named_exists(page: Path) -> None:
    if page in {ROOT / "CHANGELOG.md", ROOT / "docs/reference/events.md"}:
        return  # these tell of keys that were, and of keys of messages
    found = {name: kind for name, kind, _ in sections(CardConfig)}
    keys = {f"{name}.{key}" for name, kind in found.items() for key in kind.model_fields}
    events = {name for name in KINDS if "." in name}
    unknown = []
    for code in inline(read(page)):
        dotted = re.fullmatch(r"([a-z_]+)\.([a-z_]+)", code)
        if dotted and dotted[1] in found and code not in keys | events and dotted[2] not in {"toml", "py"}:
            unknown.append(code)
    assert unknown == []


DECISIONS = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))


@pytest.mark.parametrize("page", DECISIONS, ids=short)
def test_a_decision_says_what_why_what_else_and_what_follows(page: Path) -> None:
    parts = re.split(r"^## (.*)$", read(page), flags=re.MULTILINE)
    assert parts[1::2] == ["Decision", "Why", "What else was considered", "What follows"]
    assert all(len(text.split()) >= 4 for text in parts[2::2])


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.slow
def test_what_troubleshooting_quotes_is_what_the_programs_say() -> None:
    said = "\n".join(_sentences())
    cells = re.findall(
        r"^\| (`[^|]+`)(?: in the (?:report|log))? \|", read("docs/troubleshooting.md"), re.MULTILINE
    )
    quoted = [cell.strip("`") for cell in cells if " " in cell.strip("`")]
    assert len(quoted) >= 12
    assert [text for text in quoted if text not in said] == []


def _sentences() -> Iterator[str]:
    """Every text in the device's code; parts that differ from case to case end one."""
    for path in (ROOT / "edge").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                yield "".join(str(v.value) if isinstance(v, ast.Constant) else "\n" for v in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_every_proof_of_the_threat_model_is_a_test() -> None:
    text = read("docs/threat-model.md")
    named = [code.split("::") for code in inline(text) if "::" in code]
    assert len(named) > 30
    assert [f"{file}::{name}" for file, name in named if f"\ndef {name}(" not in read(file)] == []
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| they")]
    bare = [row for row in rows if not any(proof in row for proof in ("::", "**not proven**", "make faults"))]
    assert len(bare) <= 5, bare  # heads, what is trusted, and what is so by construction


UNUSUAL = re.compile(r"\b(?:anew|likewise|shall|shortly|so (?:long|many)(?! as))\b", re.IGNORECASE)


@pytest.mark.parametrize("page", [p for p in pages() if p.name != "CONTRIBUTING.md"], ids=short)
def test_the_documents_keep_the_word_list(page: Path) -> None:
    if page != ROOT / "models/README.md":  # written by mask-convert from its reports
        assert UNUSUAL.findall(prose(read(page))) == []


def test_no_document_names_the_machine_that_it_was_written_on() -> None:
    assert [short(page) for page in pages() if re.search(r"/work/|/home/\w", prose(read(page)))] == []


@pytest.mark.slow
def test_nothing_on_the_device_needs_the_workshop_or_the_developers_packages() -> None:
    modules = [m.name for m in pkgutil.walk_packages(edge.__path__, "edge.")]
    drawing = [
        m for m in modules if m.startswith("edge.demo.clip.")
    ]  # makes the demo's clip, on a developer's machine
    assert len(drawing) > 3
    code = (
        "import sys, importlib, importlib.abc\n"
        "class Bar(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name.split('.')[0] in {BARRED!r}:\n"
        "            raise ImportError('barred: ' + name)\n"
        "sys.meta_path.insert(0, Bar())\n"
        f"for name in {sorted(set(modules) - set(drawing) - {'edge.__main__'})!r}:\n"
        "    importlib.import_module(name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
