"""Text that came from a cloud, made safe for where it goes. Every channel is escaped here and nowhere else.

A thing, a tag or an error message can be named by somebody hostile. HTML is escaped by the template engine, which also
passes every value through :func:`visible`.
"""

from __future__ import annotations

import html as markup
import re

GUARDED = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")
"""A spreadsheet may run a cell that starts with one of these; the quote stands here so that the guard is reversible."""
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
MENTION = re.compile(r"(?<!\w)([@~%&$^])(?=[\w\"'])|([#!&$])(?=\d)")
"""What a tracker reads as a mention of a person, or as a reference to a label, a milestone or another ticket."""
WIKI = re.compile(r"^(?:h[1-6]|bq)(?=\.)|[\\{}\[\]!*_^~|#?]|(?<![^\s(])[-+]")
COMMAND = re.compile(r"^(\s*):(?=:)")
"""The start of any command of GitHub Actions, which stands at the start of a line."""
SPOKEN = re.compile(
    r":(?=:(add-mask|add-matcher|add-path|debug|echo|endgroup|error|group|internal-set-repo-path|notice|remove-matcher"
    r"|save-state|set-env|set-output|stop-commands|warning)\b)|#(?=#(\[|vso\[))",
    re.IGNORECASE,
)
"""The start of a command that a runner knows, at any place of a line ("Workflow commands for GitHub Actions")."""


def visible(text: str) -> str:
    r"""The text on one line with every character that does not print written out, such as ``\n`` or ``\u202e``.

    That covers control characters, escape sequences, bidirectional overrides, zero-width characters, line and
    paragraph separators and lone surrogates.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def terminal(text: str) -> str:
    """For a terminal, which may be the log of a CI job: no runner reads a workflow command in it, wherever it is wrapped.

    To rich it goes as ``rich.text.Text``, which does not read markup.
    """
    return log(visible(text))


def log(text: str) -> str:
    """For lines of a program's format on stdout, which may be the log of a CI job: as :func:`terminal`, line by line."""
    return SPOKEN.sub(lambda found: "%3A" if found[0] == ":" else "%23", text)


def log_json(text: str) -> str:
    """For JSON on stdout, which may be the log of a CI job: no runner reads a command in it, and it says the same."""
    return SPOKEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


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

    ``in_table`` also writes out ``|``, which ends a table's cell whatever stands before it.
    """
    shown = visible(text)
    if not shown:
        return ""
    runs = re.findall("`+", shown)
    fence = "`" * (max(map(len, runs), default=0) + 1)
    if runs or shown.startswith(" ") or shown.endswith(" "):
        shown = f" {shown} "
    if in_table:
        shown = shown.replace("|", r"\x7c")
    return f"{fence}{shown}{fence}"


def ci(text: str) -> str:
    """For a line of a CI log: percent-encoded so that no runner reads a workflow command in it."""
    encoded = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return COMMAND.sub(r"\1%3A", log(visible(encoded)))


def ci_property(text: str) -> str:
    """For a property of a workflow command, such as its title."""
    return ci(text).translate({ord(end): f"%{ord(end):02X}" for end in ":,;]"})


def sarif(text: str) -> str:
    """For a message of SARIF: brackets make no link and braces no placeholder (SARIF 2.1.0, 3.11.5 and 3.11.6)."""
    shown = re.sub(r"[\\\[\]]", r"\\\g<0>", visible(text))
    return shown.replace("{", "{{").replace("}", "}}")


def clip(text: str, limit: int) -> str:
    """At most so many UTF-16 units, as Java, JavaScript and .NET count characters; what was cut ends with ``…``."""
    units = text.encode("utf-16-le", errors="replace")
    return text if len(units) <= 2 * limit else f"{units[: 2 * limit - 2].decode('utf-16-le', errors='ignore')}…"


def heading(text: str) -> str:
    """For the title of a ticket: one line in which no tracker finds a mention or a reference; no markup is read there."""
    return " ".join(MENTION.sub(lambda found: f"{found[0]} ", visible(" ".join(text.split()))).split())


def markdown_prose(text: str) -> str:
    """For a paragraph of Markdown (GitHub, GitLab, Linear, DefectDojo): its words as they stand, on one line."""
    line = re.sub(r"[\\`*_\[\]<>~|&]", r"\\\g<0>", heading(text))
    return re.sub(r"^(\d*)([-+#>=/:.)!])", r"\1\\\2", line)


def markdown_block(text: str) -> str:
    """For lines of code in Markdown: indented, so that no run of backquotes ends it and no line starts with a ``/``."""
    return "\n".join(f"    {visible(line)}" for line in text.split("\n"))


def wiki(text: str) -> str:
    """For a paragraph of Jira's wiki markup: its words as they stand, on one line.

    By entities, because the CSV importer takes backslashes away (see :func:`jira`).
    """
    return WIKI.sub(lambda found: "".join(f"&#{ord(c)};" for c in found[0]), heading(text))


def wiki_block(text: str) -> str:
    """For text that Jira shows as it is: inside ``{noformat}``, which nothing in it can end."""
    shown = "\n".join(jira(line) for line in text.split("\n"))
    return f"{{noformat}}\n{re.sub(r'{(?=noformat)', '{ ', shown, flags=re.IGNORECASE)}\n{{noformat}}"


def jira(text: str) -> str:
    r"""For a cell of a CSV file that Jira imports: its reader takes ``\"`` for a quote inside the cell, whatever RFC 4180
    says, and drops a backslash before anything else (Jira Importers, MindProdCsvProvider); two of them are one.

    ``<<!clear!>>`` empties a field ("Importing data from CSV"), so it is broken up.
    """
    return visible(text).replace("\\", "\\\\").replace("<<!", "<< !")


def linear(text: str) -> str:
    """For a description in Markdown that Linear's importer reads: it fetches every image it finds, in code as well."""
    return re.sub(r"!(?=\[)|<(?=img)", r"\g<0> ", text, flags=re.IGNORECASE)


def html(text: str) -> str:
    """For the text of an HTML element or a quoted attribute."""
    return markup.escape(visible(text))


def servicenow(text: str) -> str:
    """For a field of ServiceNow: no double quote, no ``[code]`` that journals read as HTML, and never ``NULL`` alone."""
    shown = re.sub(r"\[(?=/?code\])", "[ ", visible(text).replace('"', "'"), flags=re.IGNORECASE)
    return f"'{shown}'" if shown == "NULL" else shown
