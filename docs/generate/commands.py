"""``reference/commands.md``: every command with its options, from the parsers themselves."""

import argparse
from collections.abc import Iterator

from convert.cli.program import build_parser as workshop_parser
from docs.generate.markdown import block, code, page, plain, table
from edge.cli.program import build_parser as device_parser

INTRODUCTION = """\
`maskgate` runs on the device and in the ops centre, `mask-convert` in the workshop. `-h` at any of them
shows the same as this page. Progress and messages go to standard error, results to standard output."""
EXIT_CODES = {
    0: "fine",
    1: "something failed: the last line on standard error says what, and what to do",
    2: "the command line is wrong, or names something that is not there",
    75: "start me again: an operator asked for a restart",
    78: "the configuration or a model is wrong; a restart does not help, and systemd does not try",
    130: "stopped by Ctrl-C",
}
"""Every code that a command ends with; the tests hold it to ``edge.errors`` and the commands."""


def commands() -> str:
    """The whole page."""
    parts = [INTRODUCTION, "## Exit codes"]
    parts += [table(("code", "meaning"), ((code(str(n)), text) for n, text in EXIT_CODES.items()))]
    for program in (device_parser(), workshop_parser()):
        every = list(leaves(program))
        summaries = ((f"[{code(p.prog)}](#{p.prog.replace(' ', '-')})", text) for p, text in every)
        parts += [f"## {code(program.prog)}", table(("command", "what it does"), summaries)]
        parts += _options(program)
        for parser, text in every:
            parts += [f"### {code(parser.prog)}", text, *_options(parser)]
            parts += [block(parser.epilog, "text")] if parser.epilog else []
    return page("Command reference", "the parsers in edge/cli and convert/cli", *parts)


def leaves(parser: argparse.ArgumentParser, text: str = "") -> Iterator[tuple[argparse.ArgumentParser, str]]:
    """Every command that does something, those without commands of their own; and what it does."""
    groups = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]  # noqa: SLF001
    if not groups:
        yield parser, plain(parser.description or f"{text[:1].upper()}{text[1:]}.")
    for group in groups:
        helps = {choice.dest: choice.help or "" for choice in group._choices_actions}  # noqa: SLF001
        for name, child in group.choices.items():
            yield from leaves(child, helps.get(name, ""))


def _options(parser: argparse.ArgumentParser) -> list[str]:
    rows = [row for action in parser._actions if (row := _row(action, parser))]  # noqa: SLF001
    return [table(("argument", "what it is for"), rows)] if rows else []


def _row(action: argparse.Action, parser: argparse.ArgumentParser) -> tuple[str, str] | None:
    hidden = argparse._HelpAction, argparse._SubParsersAction  # noqa: SLF001
    if action.help == argparse.SUPPRESS or isinstance(action, hidden):
        return None
    value = "" if action.nargs == 0 else _value(action)
    names = ", ".join(code(f"{name} {value}".strip()) for name in action.option_strings) or code(value)
    required = " *Required.*" if action.required and action.option_strings else ""
    text = parser._get_formatter()._expand_help(action) if action.help else ""  # noqa: SLF001
    return names, plain(text) + required


def _value(action: argparse.Action) -> str:
    if action.metavar is not None:
        return action.metavar if isinstance(action.metavar, str) else " ".join(action.metavar)
    if action.choices is not None:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest.upper() if action.option_strings else action.dest
