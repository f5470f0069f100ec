"""Text that came from a cloud, made safe for where it goes. Every channel is escaped here and nowhere else.

A thing, a tag or an error message can be named by somebody hostile. HTML is escaped by the template engine, which also
passes every value through :func:`visible`.
"""

from __future__ import annotations

import re

GUARDED = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")
"""A spreadsheet may run a cell that starts with one of these; the quote stands here so that the guard is reversible."""
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
COMMAND = re.compile(r"^(\s*):(?=:)|#(?=#(\[|vso\[))")


def visible(text: str) -> str:
    r"""The text on one line with every character that does not print written out, such as ``\n`` or ``\u202e``.

    That covers control characters, escape sequences, bidirectional overrides, zero-width characters, line and
    paragraph separators and lone surrogates.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def terminal(text: str) -> str:
    """For a terminal. To rich it goes as ``rich.text.Text``, which does not read markup."""
    return visible(text)


def spreadsheet(text: str) -> str:
    """For a cell of a CSV file that a spreadsheet may open: a leading ``'`` keeps a formula from running.

    Numbers stay as they are. :func:`unguard` gives the text back.
    """
    return f"'{text}" if text.startswith(GUARDED) and not NUMBER.fullmatch(text) else text


def unguard(cell: str) -> str:
    """The text that :func:`spreadsheet` guarded."""
    return cell.removeprefix("'")


def markdown(text: str, *, in_table: bool = False) -> str:
    """For Markdown: a code span, in which no mention, link, image, HTML or quick action is read.

    ``in_table`` also keeps a ``|`` from ending a table's cell.
    """
    shown = visible(text)
    if not shown:
        return ""
    runs = re.findall("`+", shown)
    fence = "`" * (max(map(len, runs), default=0) + 1)
    if runs or shown.startswith(" ") or shown.endswith(" "):
        shown = f" {shown} "
    if in_table:
        shown = shown.replace("|", "\\|")
    return f"{fence}{shown}{fence}"


def ci(text: str) -> str:
    """For a line of a CI log: percent-encoded so that no runner reads a workflow command in it."""
    encoded = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return COMMAND.sub(lambda found: f"{found[1]}%3A" if found[0].endswith(":") else "%23", visible(encoded))


def sarif(text: str) -> str:
    """For a message of SARIF: brackets make no link and braces no placeholder (SARIF 2.1.0, 3.11.5 and 3.11.6)."""
    shown = re.sub(r"[\\\[\]]", r"\\\g<0>", visible(text))
    return shown.replace("{", "{{").replace("}", "}}")
