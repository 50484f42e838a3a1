"""What the documents say is what the programs do."""

import argparse
import ast
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown import ROOT, anchors, blocks, inline, links, pages, prose, shell_commands

import convert.cli.program
import edge
import edge.cli.program
from docs.generate.__main__ import FILES
from docs.generate.commands import EXIT_CODES, leaves
from docs.generate.configuration import sections
from docs.generate.contract import layers
from edge import errors
from edge.config import Config
from edge.config.loading import section_in
from edge.machine.settings import CardConfig
from edge.ops.messages import KINDS
from edge.ops.schemas import field_texts
from systemd.package.site import add_licences, prune_site, site_command

PARSERS = {
    "maskgate": edge.cli.program.build_parser(),
    "mask-convert": convert.cli.program.build_parser(),
}
BARRED = {"tensorflow", "keras", "onnx", "convert", "skimage", "matplotlib", "scipy", "amqtt", "picamera2"}
REFERENCE = ROOT / "docs/reference"
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
TREES = ("edge", "convert", "systemd", "models", "tests", "docs", ".ci")
NOT_THERE = {"edge/newroom.py"}
"""Examples of what is not there."""


def read(path: Path | str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


every_page = pytest.mark.parametrize("page", pages(), ids=short)


@pytest.mark.parametrize("name", FILES)
def test_a_generated_file_is_what_its_source_says(name: str) -> None:
    assert read(name) == FILES[name](), f"{name} is stale: run make docs"


def test_the_readme_is_an_entrance() -> None:
    assert len(read("README.md").splitlines()) <= 150


def test_every_command_has_its_entry_and_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    text = read(REFERENCE / "commands.md")
    for program, parser in PARSERS.items():
        commands = [leaf.prog for leaf, _ in leaves(parser)]
        assert len(commands) > 5
        for command in commands:
            assert f"### `{command}`\n" in text
        for name in _names(parser):
            with pytest.raises(SystemExit) as ended:
                parser.parse_args([name, "--help"])
            assert ended.value.code == 0
            assert re.search(rf"^  (sudo )?{program} {name}\b", capsys.readouterr().out, re.MULTILINE)


def _names(parser: argparse.ArgumentParser) -> list[str]:
    return [n for a in parser._actions if isinstance(a, argparse._SubParsersAction) for n in a.choices]


def test_the_manual_names_every_command() -> None:
    manual = read("systemd/package/maskgate.1").replace("\\-", "-")
    listed = re.findall(r"^\.TP\n\.B ([a-z-]+)$", manual, re.MULTILINE)
    assert sorted(listed) == sorted(_names(PARSERS["maskgate"]))


def test_every_configuration_key_has_its_entry_and_says_what_it_is_for() -> None:
    text = read(REFERENCE / "configuration.md")
    found = {name: kind for name, kind, _ in sections(CardConfig)}
    assert set(found) > set(Config.model_fields)
    for name, kind in found.items():
        after = re.split(rf"^## `\[+{re.escape(name)}\]+`$", text, flags=re.MULTILINE)[1]
        part = re.split(r"^## ", after, maxsplit=1, flags=re.MULTILINE)[0]
        for key, field in kind.model_fields.items():
            if section_in(field.annotation) is None:
                assert f"\n| `{key}` |" in part, f"{name}.{key}"
                assert field_texts(kind).get(key), f"{name}.{key} has no docstring"


def test_every_message_of_the_contract_has_its_entry() -> None:
    text = read(REFERENCE / "events.md")
    files = {path.stem for path in (ROOT / "edge/ops/contract").glob("*.json")} - {"asyncapi"}
    assert files == set(KINDS)
    assert [name for name in files if f"\n## `{name}`\n" not in text] == []


def test_every_exit_code_has_its_entry() -> None:
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.MaskgateError)]
    used = {kind.exit_code for kind in kinds} | {0, 130, edge.cli.run._RESTART}
    assert set(EXIT_CODES) == used
    assert [code for code in used if f"\n| `{code}` |" not in read(REFERENCE / "commands.md")] == []


def test_every_make_target_has_its_entry() -> None:
    text = read(REFERENCE / "make.md")
    internal = {"system-packages"}
    assert [t for t in sorted(TARGETS - internal) if f"| `make {t}` |" not in text] == []


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
    if page in {ROOT / "CHANGELOG.md", REFERENCE / "events.md"}:
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


def test_the_drawing_of_the_layers_is_the_contract() -> None:
    drawn: dict[float, list[tuple[float, str]]] = {}
    shapes = read("docs/pictures/layers.svg")
    texts = re.findall(r"<text x='([\d.]+)' y='([\d.]+)'.*?font-size='14'.*?>([a-z_]+)</text>", shapes)
    for x, y, room in texts:
        drawn.setdefault(float(y), []).append((float(x), room))
    rows = [tuple(room for _, room in sorted(row)) for _, row in sorted(drawn.items())]
    contract = next(part for part in layers() if part.container == "edge")
    assert rows == list(contract.rows)
    here = {p.name.removesuffix(".py") for p in (ROOT / "edge").iterdir() if (p / "__init__.py").exists()}
    here |= {p.stem for p in (ROOT / "edge").glob("*.py") if p.stem != "__init__"}
    assert {room for row in rows for room in row} == here


DECISIONS = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))


@pytest.mark.parametrize("page", DECISIONS, ids=short)
def test_a_decision_says_what_why_what_else_and_what_follows(page: Path) -> None:
    parts = re.split(r"^## (.*)$", read(page), flags=re.MULTILINE)
    assert parts[1::2] == ["Decision", "Why", "What else was considered", "What follows"]
    assert all(len(text.split()) >= 4 for text in parts[2::2])


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


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


@pytest.mark.slow
def test_the_site_is_built_strictly_and_needs_no_network(tmp_path: Path) -> None:
    site = tmp_path / "html"
    line = site_command(site, tmp_path)
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    add_licences(site)
    prune_site(site)
    assert (site / "_static/LICENSE.furo").exists()
    assert not (site / ".buildinfo").exists()
    assert "README.html" in (site / "index.html").read_text(encoding="utf-8")
    assert [short(p) for p in pages() if not (site / p.relative_to(ROOT).with_suffix(".html")).exists()] == [
        "convert/release/tried.md"  # a part of models/README.md
    ]
    loaded = re.compile(r"""(?:<script[^>]*src|<link[^>]*stylesheet[^>]*href|<img[^>]*src)=["'](\S+?)["']""")
    for page in site.rglob("*.html"):
        assert [u for u in loaded.findall(page.read_text(encoding="utf-8")) if "//" in u] == [], page
    for style in site.rglob("*.css"):
        assert re.findall(r"url\(\s*['\"]?(?:https?:)?//", style.read_text(encoding="utf-8")) == [], style


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
