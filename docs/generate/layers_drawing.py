"""``pictures/layers.svg``: the layers of ``edge``, drawn from the import contract."""

from docs.generate.contract import layers, pure
from docs.generate.drawing import Drawing

_WIDTH, _ROW, _GAP, _TOP = 760, 34, 10, 44


def layers_drawing() -> str:
    """The rows of the contract, the highest on top; pure rooms are green."""
    rows = next(part for part in layers() if part.container == "edge").rows
    pure_rooms = set(pure())
    canvas = Drawing(_WIDTH, _TOP + len(rows) * (_ROW + _GAP) + 34, "The layers of edge")
    canvas.text(_WIDTH / 2, 26, "A room may import what lies below its own row, and nothing else", bold=True)
    for n, row in enumerate(rows):
        width = (_WIDTH - 2 * _GAP - (len(row) - 1) * _GAP) / len(row)
        for m, room in enumerate(row):
            x, y = _GAP + m * (width + _GAP), _TOP + n * (_ROW + _GAP)
            canvas.box(x, y, width, _ROW, [room], "pure" if f"edge.{room}" in pure_rooms else "plain")
    canvas.text(_WIDTH / 2, canvas.height - 14, "Green rooms are pure: no I/O, no threads, no clock", size=12)
    return canvas.svg()
