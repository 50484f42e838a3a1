"""Sphinx builds the site from the whole tree, so that links are the same here and on a repository's host.

The front page is README.md. What ``docs/README.md`` links to, in its order and under its headings, is the
navigation; a page that is not linked there fails the build, as a dead link does.
"""

import re
from pathlib import Path

from sphinx.application import Sphinx

from edge import __version__

ROOT = Path(__file__).resolve().parents[1]
project = "maskgate"
release = __version__
extensions = ["myst_parser"]
root_doc = "README"
include_patterns = [
    "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "docs/**.md", "models/README.md",
    "edge/**/README.md", "systemd/mosquitto/README.md", "tests/scale/README.md",
]  # fmt: skip
exclude_patterns = [".*", "**/.*", "build", "dist", "out", "docs/generate"]
myst_heading_anchors = 4
myst_url_schemes = ("http", "https", "mailto")
nitpicky = True
html_theme = "furo"
html_title = f"maskgate {release}"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_extra_path = ["site"]
html_static_path = ["static"]
html_css_files = ["maskgate.css"]
html_theme_options: dict[str, list[str]] = {"footer_icons": [], "top_of_page_buttons": []}


def navigation(text: str) -> str:
    """The hidden tables of contents that ``docs/README.md`` amounts to, in MyST."""
    out = [contents("", ["/docs/README"])]
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        caption, _, body = part.partition("\n")
        links = re.findall(r"\]\(([^)#:]+\.md)\)", body)
        pages = [str((ROOT / "docs" / link).resolve().relative_to(ROOT)) for link in dict.fromkeys(links)]
        out.append(contents(caption, [f"/{page}" for page in pages]))
    return "\n\n".join(out)


def contents(caption: str, pages: list[str]) -> str:
    """A hidden table of contents, in MyST."""
    options = [":hidden:", *([f":caption: {caption}"] if caption else [])]
    return "\n".join(["", "```{toctree}", *options, "", *pages, "```"])


def setup(app: Sphinx) -> None:
    """What Sphinx calls."""

    def add_navigation(_: Sphinx, name: str, source: list[str]) -> None:
        if name == root_doc:
            source[0] += navigation((ROOT / "docs/README.md").read_text(encoding="utf-8"))
        if name == "docs/decisions/README":
            pages = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
            source[0] += contents("", [f"/docs/decisions/{page.name}" for page in pages])

    app.connect("source-read", add_navigation)
