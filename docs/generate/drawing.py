"""Drawings of boxes and arrows as SVG: readable on a phone, on light and dark pages."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape

FONT = "font-family='system-ui, sans-serif'"
INK, PAPER, LINE = "#1b1f24", "#ffffff", "#57606a"
FILLS = {"plain": "#eef2f6", "pure": "#e3f4e6", "disk": "#fff4d6", "out": "#e4ecfd", "root": "#fde7e4"}
"""Of a box, by what it stands for."""


@dataclass
class Drawing:
    """A canvas of some size, in px; shapes are added in the order in which they are painted."""

    width: int
    height: int
    title: str
    _shapes: list[str] = field(default_factory=list)

    def box(self, x: float, y: float, w: float, h: float, lines: Iterable[str], fill: str = "plain") -> None:
        """A box with lines of text in its middle; the first one is bold."""
        texts = list(lines)
        self._shapes.append(
            f"<rect x='{x:g}' y='{y:g}' width='{w:g}' height='{h:g}' rx='6' fill='{FILLS[fill]}' "
            f"stroke='{LINE}'/>"
        )
        for n, text in enumerate(texts):
            at = y + h / 2 + (n - (len(texts) - 1) / 2) * 17 + 5
            self.text(x + w / 2, at, text, bold=n == 0, size=14 if n == 0 else 12)

    def text(
        self, x: float, y: float, text: str, *, bold: bool = False, size: int = 13, anchor: str = "middle"
    ) -> None:
        """One line of text; ``y`` is its baseline."""
        weight = " font-weight='600'" if bold else ""
        self._shapes.append(
            f"<text x='{x:g}' y='{y:g}' text-anchor='{anchor}' font-size='{size}'{weight} {FONT} "
            f"fill='{INK}'>{escape(text)}</text>"
        )

    def arrow(self, *points: tuple[float, float], dashed: bool = False) -> None:
        """A line through the points, with a head at its end."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        dash = " stroke-dasharray='5 4'" if dashed else ""
        self._shapes.append(
            f"<polyline points='{path}' fill='none' stroke='{LINE}' stroke-width='1.6'{dash} "
            "marker-end='url(#head)'/>"
        )

    def svg(self) -> str:
        """The file."""
        head = (
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {self.width} {self.height}' "
            f"width='{self.width}' role='img'>"
        )
        marker = (
            "<defs><marker id='head' viewBox='0 0 10 10' refX='9' refY='5' markerWidth='7' markerHeight='7' "
            f"orient='auto'><path d='M0,0L10,5L0,10z' fill='{LINE}'/></marker></defs>"
        )
        paper = f"<rect width='{self.width}' height='{self.height}' rx='8' fill='{PAPER}'/>"
        lines = [head, f"<title>{escape(self.title)}</title>", marker, paper, *self._shapes, "</svg>"]
        return "\n".join(lines) + "\n"
