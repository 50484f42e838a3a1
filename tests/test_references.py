"""References and the site: nothing without its entry, and no entry without its source."""

import argparse
import re
import subprocess
from pathlib import Path

import pytest
from markdown import ROOT, pages, read, short

import convert.cli.program
import edge.cli.program
import edge.cli.run
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
REFERENCE = ROOT / "docs/reference"
TARGETS = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_generated_file_is_what_its_source_says(name: str) -> None:
    assert read(name) == FILES[name](), f"{name} is stale: run make docs"


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


@pytest.mark.slow
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
        "convert/release/tried.md",  # parts of models/README.md
        "convert/release/tried_face.md",
    ]
    loaded = re.compile(r"""(?:<script[^>]*src|<link[^>]*stylesheet[^>]*href|<img[^>]*src)=["'](\S+?)["']""")
    for page in site.rglob("*.html"):
        assert [u for u in loaded.findall(page.read_text(encoding="utf-8")) if "//" in u] == [], page
    for style in site.rglob("*.css"):
        assert re.findall(r"url\(\s*['\"]?(?:https?:)?//", style.read_text(encoding="utf-8")) == [], style
