"""Label corrections that a person made by eye: a CSV file with the columns sha256, label, reason."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from convert.data.candidates import Notes
from convert.data.records import LABELS, Record
from edge.errors import UsageError

DEFAULT_CORRECTIONS = Path(__file__).with_name("corrections.csv")
COLUMNS = ["sha256", "label", "reason"]
DROP = "drop"
"""Instead of a label: the face is left out."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Correction:
    """What a face really is."""

    label: str
    reason: str


def chosen(option: str | None) -> Path | None:
    """What ``--corrections`` means: by default the shipped file, if it is there; none for ``none``."""
    if option is None:
        return DEFAULT_CORRECTIONS if DEFAULT_CORRECTIONS.is_file() else None
    return None if option == "none" else Path(option)


def read_corrections(path: Path) -> dict[str, Correction]:
    """Corrections by the sha256 that a dataset's manifest gives the face.

    Raises:
        UsageError: the file is missing or malformed; the message names the line.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as f:
            rows = csv.reader(f, strict=True)
            header = next(rows, [])
            if header != COLUMNS:
                raise UsageError(f"{path}, line 1: is {','.join(header)!r}, wanted {','.join(COLUMNS)!r}")
            corrections: dict[str, Correction] = {}
            for row in rows:
                if row:
                    sha256, correction = _parse(row, f"{path}, line {rows.line_num}")
                    if sha256 in corrections:
                        raise UsageError(f"{path}, line {rows.line_num}: {sha256} is corrected twice")
                    corrections[sha256] = correction
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise UsageError(f"{path}: can't be read as CSV in UTF-8: {e}") from e
    return corrections


def _parse(row: list[str], where: str) -> tuple[str, Correction]:
    if len(row) != len(COLUMNS):
        raise UsageError(f"{where}: has {len(row)} fields, wanted {', '.join(COLUMNS)}")
    sha256, label, reason = (text.strip() for text in row)
    if not _SHA256.fullmatch(sha256):
        raise UsageError(f"{where}: {sha256!r} is not a sha256; the dataset's manifest.csv lists them")
    if label not in (*LABELS, DROP):
        raise UsageError(f"{where}: the label is {label!r}, not one of {', '.join(LABELS)}, {DROP}")
    return sha256, Correction(label, reason)


def corrected(
    records: Sequence[Record], corrections: Mapping[str, Correction], file: Path | None, notes: Notes
) -> list[Record | None]:
    """The records with their labels corrected, None for each that is dropped; all that happened is noted."""
    out = [_corrected(r, corrections.get(r.sha256), notes) for r in records]
    for sha256 in sorted(corrections.keys() - {r.sha256 for r in records}):
        notes.change("correction of a face that is not here", f"{sha256} in {file}")
    return out


def _corrected(record: Record, correction: Correction | None, notes: Notes) -> Record | None:
    if correction is None or correction.label == record.label:
        return record
    what = f"corrected: {record.label} to {correction.label}"
    text = f"{record.path} ({record.sha256}): {correction.reason or 'no reason given'}"
    if correction.label == DROP:
        notes.leave_out(what, text)
        return None
    notes.change(what, text)
    return replace(record, label=correction.label)
