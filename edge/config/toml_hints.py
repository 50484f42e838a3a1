"""What somebody who writes TOML for the first time most likely meant: one hint for a line that is not TOML.

A hint shows the line's key and never its value, which may be a password.
"""

import re

_CURLY = re.compile("[\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb]")
_BLANK = re.compile("[\u00a0\u2000-\u200d\u202f\u2060\u3000\ufeff]")
_DASH = re.compile("[\u2010-\u2015\u2212]")
_KEY = r"[A-Za-z0-9_.-]{1,80}"
_PAIR = re.compile(rf"[ \t]*({_KEY})[ \t]*=(.*)", re.DOTALL)
_COLON = re.compile(rf"[ \t]*({_KEY})[ \t]*:")
_TWO_WORDS = re.compile(rf"[ \t]*({_KEY})[ \t]+[^ \t=]")
_NUMBER = r"[+-]?[0-9]{1,20}"
_TRUTH = dict.fromkeys(("true", "yes", "on"), "true") | dict.fromkeys(("false", "no", "off"), "false")
_BARE = (
    ("", "The value of {key} is missing"),
    ("none|null|nil|undefined", "Leave {key} out, or put a # in front of the line"),
    (f"{_NUMBER},[0-9]{{1,20}}", "Write a decimal number with a point, not with a comma"),
    ("[+-]?0[0-9]{1,20}", "Write the number without zeros in front; if it is text, write it in quotes"),
    (
        rf"{_NUMBER}(\.[0-9]{{1,20}})?[ \t]*[a-z%]{{1,10}}",
        "Write the number alone: its unit is in the key's name; if it is text, write it in quotes",
    ),
    (
        rf"{_NUMBER}(\.[0-9]{{1,20}})?[ \t]*([;,]|//).*",
        "Only a comment may follow the value; it starts with #",
    ),
    ("[=>].*", "Write one = after the key: {key} = ..."),
    (".*", 'Text needs quotes: {key} = "..."'),
)
"""Patterns of values without quotes, each with what to write instead."""
_ESCAPES = ("Unescaped", "escape", "hex value")
"""In tomllib's words for a backslash that means nothing."""


def hint_for(message: str, line: str) -> str:
    """What to write instead; empty if there is no hint.

    Args:
        message: the parser's.
        line: the line that it complains about.
    """
    if line.startswith("{\\rtf"):
        return "It is a document of a word processor (RTF): save it as plain text"
    if "twice" in message or "overwrite" in message or "Cannot" in message:
        return "This key or table is in the file more than once, or in two ways: keep one"
    if any(word in message for word in _ESCAPES) and "\\" in line:
        return "A backslash in \"...\" has a meaning of its own: write two for each one, or use '...' instead"
    return _of_letters(line) or _of_pair(line) or _of_line(line)


def _of_letters(line: str) -> str:
    """Letters that look like others, as word processors and web pages have them."""
    if _CURLY.search(line):
        return "Its quotes are curly: write \" or '"
    if blank := _BLANK.search(line):
        return f"It holds a special blank (U+{ord(blank[0]):04X}), as copied from a web page: type it again"
    if dash := _DASH.search(line):
        return f"It holds a long dash (U+{ord(dash[0]):04X}): write -"
    return ""


def _of_pair(line: str) -> str:
    """A key and a value that is not one."""
    pair = _PAIR.match(line)
    if pair is None:
        return ""
    key, value = pair[1], pair[2].strip()
    if value.startswith(('"', "'")):
        return _of_quoted(value)
    if value.startswith(("[", "{")):
        closing = "]" if value.startswith("[") else "}"
        return "" if closing in value else f"The closing {closing} is missing"
    return _of_bare(key, value.partition("#")[0].strip())


def _of_quoted(value: str) -> str:
    quote = value[0] * 3 if value.startswith(('"""', "'''")) else value[0]
    rest = value.removeprefix(quote)
    if quote not in rest:
        return f"The closing {quote} is missing"
    after = rest.rpartition(quote)[2].strip()
    return (
        "Only a comment may follow the closing quote; it starts with #" if after and after[0] != "#" else ""
    )


def _of_bare(key: str, value: str) -> str:
    """A value without quotes: the first pattern that fits all of it has the hint."""
    if value.lower() in _TRUTH:
        return f"Write {key} = {_TRUTH[value.lower()]}, in small letters and without quotes"
    hint = next(hint for pattern, hint in _BARE if re.fullmatch(pattern, value, re.IGNORECASE | re.DOTALL))
    return hint.format(key=key)


def _of_line(line: str) -> str:
    """A line without a value."""
    start = line.strip()
    if start.startswith(("//", ";", "--", "/*", "<!--", "'", "REM ")):
        return "A comment starts with #"
    if start.startswith("["):
        closing = "]]" if start.startswith("[[") else "]"
        return "" if closing in start else f"The closing {closing} is missing"
    if start.startswith("{"):
        return "This looks like JSON: write a line for each value: key = value"
    if colon := _COLON.match(line):
        return f"Write = after the key, not a colon: {colon[1]} = ..."
    if words := _TWO_WORDS.match(line):
        return f"Write = after the key: {words[1]} = ..."
    return ""
