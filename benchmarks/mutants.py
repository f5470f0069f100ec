"""How much of the judging code is proven: mutants of it, a seeded sample, and how many the tests kill.

    python benchmarks/mutants.py --seed 1 --count 100
    python benchmarks/mutants.py --files 'checks/policy/*.py' --all

A mutant is one small change of one file. Each is written into a copy of the tree, never into the checkout, and the tests
that concern its file (:data:`TESTS`) are run there. Tests by chance (Hypothesis) are left out: a kill must come again.
What survives and changes no answer is named, with the reason, in ``equivalent_mutants.toml`` and counted apart.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import fnmatch
import importlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[1]
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.toml")
FILES = ("checks/*.py", "checks/**/*.py", "reports/lifecycle.py", "collectors/operation.py")
NO_JUDGE = ("checks/policy/examples.py",)
"""Files that judge nothing. Policies for the examples of checks: one that still proves its check is no fault when it
differs, and one that does not is told by the examples of that check."""
POLICY = ("test_policy_examples", "test_policy_together", "test_frozen")
TESTS = {
    "checks/policy/pattern.py": ("test_policy_language", "test_waivers", "test_policy_roles", "test_policy", *POLICY),
    "checks/policy/document.py": ("test_policy_language", "test_policy_roles", "test_policy", *POLICY),
    "checks/policy/app.py": ("test_policy_apps", "test_frozen"),
    "checks/policy/gateway.py": ("test_policy_apps", "test_frozen"),
    "checks/policy/rule.py": ("test_policy_apps", "test_frozen"),
    "checks/policy/role.py": ("test_policy_roles", "test_frozen"),
    "checks/policy/enrolment.py": ("test_policy_roles", "test_frozen"),
    "checks/policy/union.py": ("test_policy_together", "test_frozen"),
    "checks/policy/topics.py": ("test_policy_roles", "test_frozen"),
    "checks/policy/*": ("test_policy", "test_policy_roles", *POLICY, "test_policy_language"),
    "checks/glob_rules.py": ("test_waivers", "test_tags", "test_frozen"),
    "checks/owner.py": ("test_waivers", "test_tags", "test_frozen"),
    "checks/waiver.py": ("test_waivers", "test_frozen"),
    "checks/waiver_file.py": ("test_waivers_file",),
    "checks/command.py": ("test_commands",),
    "checks/guidelines.py": ("test_guidelines", "test_frozen", "test_checks"),
    "checks/finding.py": ("test_finding", "test_frozen"),
    "checks/judge.py": ("test_judge", "test_checks", "test_tags", "test_frozen", "test_reports"),
    "checks/check.py": ("test_judge", "test_checks", "test_frozen", "test_commands", "test_guidelines"),
    "checks/unread.py": ("test_unread", "test_judge", "test_frozen"),
    "checks/*": ("test_checks", "test_frozen", "test_commands", "test_guidelines"),
    "reports/lifecycle.py": ("test_lifecycle", "test_frozen", "test_history"),
    "collectors/operation.py": ("test_operation", "test_frozen", "test_run"),
}
"""The first pattern that fits a file names its tests, the most telling first."""
HEAVY = (
    "pandas",
    "pydantic",
    "sqlalchemy",
    "botocore.session",
    "jsonschema",
    "numpy",
    "hypothesis.strategies",
    "xdist.plugin",
)
"""What many tests import and no mutant changes: loaded once, before each run is forked."""
COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,), ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
}  # fmt: skip
SWAPPED: dict[type[ast.operator], type[ast.operator]] = {
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}  # fmt: skip
CALLED = {"any": "all", "all": "any", "min": "max", "max": "min"}
SEVERITIES = ("critical", "high", "medium", "low", "info")
EXAMPLES = ("passes", "fails", "ignores", "open")
NO_CODE = (*EXAMPLES, "remedy", "fault", "see", "description", "controls", "serves", "strict", "maxsize")
"""Keywords whose values are examples, words for people, names that another test joins, assertions or sizes of caches."""


@dataclass(frozen=True)
class Mutant:
    """One change of one file: where it is, what is changed, and ``text``, the file as it would be."""

    file: str
    line: int
    function: str
    change: str
    text: Callable[[], str]

    def __str__(self) -> str:
        return f"{self.file}:{self.line}, {self.function}: {self.change}"


def altered(node: ast.AST, keyword: str) -> Iterator[ast.AST]:  # noqa: C901, PLR0912 - one case a kind of node
    """What may stand in a node's place. ``keyword``: the argument that it stands in, or ``-> bool`` within a predicate."""
    match node:
        case ast.Compare():
            for place, operator in enumerate(node.ops):
                for other in COMPARED[type(operator)]:
                    yield ast.Compare(node.left, [*node.ops[:place], other(), *node.ops[place + 1 :]], node.comparators)
        case ast.BoolOp():
            yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
            for place in range(len(node.values)):
                kept = node.values[:place] + node.values[place + 1 :]
                yield kept[0] if len(kept) == 1 else ast.BoolOp(node.op, kept)
        case ast.BinOp() if type(node.op) in SWAPPED:
            yield ast.BinOp(node.left, SWAPPED[type(node.op)](), node.right)
            if isinstance(node.op, ast.BitAnd | ast.BitOr):
                yield node.left
                yield node.right
        case ast.UnaryOp(op=ast.Not() | ast.Invert()):
            yield node.operand
        case ast.Constant() if keyword in NO_CODE:
            pass
        case ast.Constant(value=bool() as truth):
            yield ast.Constant(not truth)
        case ast.Constant(value=int() as number):
            yield ast.Constant(number + 1)
            yield ast.Constant(number - 1)
        case ast.Constant(value=str() as text) if not any(map(str.isspace, text)):
            if keyword in ("severity", "severity_when") and text in SEVERITIES:
                yield ast.Constant(SEVERITIES[(SEVERITIES.index(text) + 2) % len(SEVERITIES)])
            else:
                yield ast.Constant(f"{text}X")
        case ast.Dict() if keyword in ("only", "severity_when"):
            for place in range(len(node.keys)):
                yield ast.Dict(*([*part[:place], *part[place + 1 :]] for part in (node.keys, node.values)))
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield from (
                ast.Return(ast.Constant(other)) for other in ((True, False) if keyword == "-> bool" else (None,))
            )
        case ast.If() | ast.IfExp():
            for forced in (True, False):
                other_if = copy.copy(node)
                other_if.test = ast.Constant(forced)
                yield other_if
        case ast.comprehension() if node.ifs:
            for place in range(len(node.ifs)):
                yield ast.comprehension(node.target, node.iter, node.ifs[:place] + node.ifs[place + 1 :], node.is_async)
        case ast.Continue():
            yield ast.Break()
        case ast.Break():
            yield ast.Continue()
        case ast.Call(func=ast.Name(id=name)) if name in CALLED:
            yield ast.Call(ast.Name(CALLED[name]), node.args, node.keywords)


def mutants(file: str, source: str) -> Iterator[Mutant]:
    """Every mutant of a file. Of two that read alike on one line, the second is told by a number."""
    tree = ast.parse(source)
    of_examples = example_data(tree)
    seen: Counter[tuple[int, str]] = Counter()

    def visit(node: ast.AST, function: str, keyword: str) -> Iterator[Mutant]:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            function = f"{function}.{node.name}".removeprefix("module.")
            returned = getattr(node, "returns", None)
            keyword = "-> bool" if isinstance(returned, ast.Name) and returned.id == "bool" else ""
        if isinstance(node, ast.keyword):
            keyword = node.arg or ""
        for name, held in ast.iter_fields(node):
            if name in ("annotation", "returns", "type_params") or is_unread(node):
                continue
            for place, child in enumerate(held) if isinstance(held, list) else ((None, held),):
                if not isinstance(child, ast.AST) or is_docstring(child) or is_unread(child) or child in of_examples:
                    continue
                for other in altered(child, keyword):
                    what = change(child, other)
                    seen[line(child), what] += 1
                    if (count := seen[line(child), what]) > 1:
                        what += f" (number {count})"
                    yield Mutant(file, line(child), function, what, partial(put, node, name, place, other))
                yield from visit(child, function, keyword)

    def put(node: ast.AST, name: str, place: int | None, other: ast.AST) -> str:
        held = getattr(node, name)
        setattr(node, name, other if place is None else [*held[:place], other, *held[place + 1 :]])
        text = ast.unparse(ast.fix_missing_locations(tree))
        setattr(node, name, held)
        return text

    yield from visit(tree, "module", "")


def example_data(tree: ast.Module) -> set[ast.AST]:
    """What a module defines for the examples of its checks and uses nowhere else: see NO_JUDGE."""
    defined: dict[str, ast.stmt] = {}
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef) and not statement.decorator_list:
            defined[statement.name] = statement
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            defined[statement.targets[0].id] = statement
    found = {name for statement in tree.body for name in names_read(statement, in_examples=True)} & defined.keys()
    while more := {name for one in found for name in names_read(defined[one])} & defined.keys() - found:
        found |= more
    while used := found & {
        name
        for statement in tree.body
        if all(statement is not defined[one] for one in found)
        for name in names_read(statement)
    }:
        found -= used
    return {defined[name] for name in found}


def names_read(node: ast.AST, *, in_examples: bool = False) -> Iterator[str]:
    """The names that are read within the examples of checks, or outside them."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.keyword) and child.arg in EXAMPLES:
            yield from (name.id for name in ast.walk(child) if isinstance(name, ast.Name) and in_examples)
            continue
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Load) and not in_examples:
            yield child.id
        yield from names_read(child, in_examples=in_examples)


def is_unread(node: ast.AST) -> bool:
    """Whether a statement says nothing that runs: a type, an import for types, a list of public names."""
    if isinstance(node, ast.Assign):
        value = node.value.value if isinstance(node.value, ast.Subscript) else None
        is_type = isinstance(value, ast.Name) and value.id in ("Literal", "Callable", "tuple", "dict", "list")
        return is_type or any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets)
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def is_docstring(node: ast.AST) -> bool:
    """Whether a statement is text and nothing else."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def line(node: ast.AST) -> int:
    """The line of a node; a comprehension has none of its own."""
    return getattr(node, "lineno", 0) or getattr(getattr(node, "target", None), "lineno", 0)


def change(node: ast.AST, other: ast.AST) -> str:
    """What is changed, in one line."""
    if isinstance(node, ast.If | ast.IfExp) and isinstance(other, ast.If | ast.IfExp):
        node, other = node.test, other.test
        return f"if {ast.unparse(node)} -> if {ast.unparse(other)}"
    before, after = (" ".join(ast.unparse(ast.fix_missing_locations(one)).split()) for one in (node, other))
    return f"{before} -> {after}"


def tests_of(file: str) -> tuple[str, ...]:
    """The test files that concern a file, those that exist."""
    names = next(names for pattern, names in TESTS.items() if fnmatch.fnmatch(file, pattern))
    return tuple(f"tests/{name}.py" for name in names if (ROOT / f"tests/{name}.py").exists())


def forked(tree: Path, tests: tuple[str, ...]) -> int:
    """The process that runs tests in a copy of the tree; it ends with pytest's own code.

    The most telling file goes first and alone: where it fails, the others need not even be read.
    """
    if child := os.fork():
        return child
    os.setsid()
    silent = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silent, stream)
    os.chdir(tree)
    sys.path[:0] = [str(tree)]
    sys.dont_write_bytecode = True
    code = 3
    with contextlib.suppress(BaseException):
        import pytest

        quiet = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
        for part in filter(None, (tests[:1], tests[1:])):
            if code := int(pytest.main([*quiet, "-m", "not hypothesis", *part])):
                break
    os._exit(code)


def ended(running: dict[int, tuple[float, int]]) -> tuple[int, int]:
    """The next process that ends, with its code; one that takes too long is ended, and counts as a failed test."""
    while True:
        for child, (until, _) in running.items():
            found, status = os.waitpid(child, os.WNOHANG)
            if found:
                return child, os.waitstatus_to_exitcode(status)
            if time.monotonic() > until:
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return child, 1
        time.sleep(0.02)


def seconds_of(tests: tuple[str, ...], tree: Path) -> float:
    """How long tests take without any change, which they have to pass. Raises SystemExit."""
    begun = time.monotonic()
    if code := ended({forked(tree, tests): (begun + 900, 0)})[1]:
        raise SystemExit(f"without any change, pytest ends with {code}: {' '.join(tests)}")
    return time.monotonic() - begun


def outcomes(chosen: list[Mutant], trees: list[Path]) -> Iterator[tuple[Mutant, bool]]:
    """Each mutant, and whether a test failed. One that takes 10 seconds and five times as long as usual is caught, too."""
    usual = {tests: seconds_of(tests, trees[0]) for tests in dict.fromkeys(tests_of(one.file) for one in chosen)}
    waiting, free, running = list(reversed(chosen)), list(range(len(trees))), dict[int, tuple[float, int]]()
    at: dict[int, Mutant] = {}
    while waiting or running:
        while waiting and free:
            place, mutant = free.pop(), waiting.pop()
            (trees[place] / mutant.file).write_text(mutant.text())
            for stale in (trees[place] / mutant.file).parent.glob(f"__pycache__/{Path(mutant.file).stem}.*.pyc"):
                stale.unlink()
            child = forked(trees[place], tests_of(mutant.file))
            until = time.monotonic() + 10 + 5 * usual[tests_of(mutant.file)]
            running[child], at[child] = (until, place), mutant
        child, code = ended(running)
        _, place = running.pop(child)
        mutant = at.pop(child)
        shutil.copy(ROOT / mutant.file, trees[place] / mutant.file)
        free.append(place)
        yield mutant, code != 0


Named = tuple[str, str, str, str]
"""File, function, the line's text and the change: how a mutant that changes nothing is named."""


def named(mutant: Mutant) -> Named:
    """The name of a mutant that no edit elsewhere in its file changes."""
    line_text = (ROOT / mutant.file).read_text().splitlines()[mutant.line - 1].strip()
    return mutant.file, mutant.function, line_text, mutant.change


def changing_nothing() -> set[Named]:
    """The mutants that somebody has named, with a reason, as changing no answer."""
    rows = tomllib.loads(EQUIVALENT.read_text())["mutant"]
    return {(row["file"], row["function"], row["line"], row["change"]) for row in rows if row["reason"]}


def main() -> None:
    """Draws, runs and prints."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--count", type=int, default=100)
    words.add_argument("--all", action="store_true", help="every mutant instead of a sample")
    words.add_argument("--files", action="append", help="glob of files instead of all")
    words.add_argument("--lines", default="", help="first-last: only mutants of these lines")
    words.add_argument("--processes", type=int, choices=(1, 2), default=1)
    words.add_argument("--list", action="store_true", help="print the mutants and run nothing")
    asked = words.parse_args()
    files = sorted({str(p.relative_to(ROOT)) for glob in asked.files or FILES for p in ROOT.glob(glob)} - {*NO_JUDGE})
    every = [m for file in files for m in mutants(file, (ROOT / file).read_text())]
    if asked.lines:
        first, _, last = asked.lines.partition("-")
        every = [m for m in every if int(first) <= m.line <= int(last or first)]
    chosen = every if asked.all else random.Random(asked.seed).sample(every, min(asked.count, len(every)))
    if asked.list:
        print(*chosen, sep="\n")
        return
    known = changing_nothing()
    for gone in sorted(name for name in known.difference(map(named, every)) if name[0] in files and not asked.lines):
        print("names no mutant ", *gone)
    killed, alike, alive = 0, 0, 0
    for name in HEAVY:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    with tempfile.TemporaryDirectory() as folder:
        trees = [Path(folder, str(number)) for number in range(asked.processes)]
        for tree in trees:
            shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "__pycache__", "*.db"))
        started = time.monotonic()
        for mutant, dead in outcomes(chosen, trees):
            equal = not dead and named(mutant) in known
            killed, alike, alive = killed + dead, alike + equal, alive + (not dead and not equal)
            if not dead:
                print(f"{'changes nothing' if equal else 'survived'}  {mutant}", flush=True)
    seconds = time.monotonic() - started
    judged = killed + alive
    print(f"{len(every)} mutants, {len(chosen)} tried in {seconds:.0f} s: {killed} killed, {alive} survived,", end=" ")
    print(f"{alike} change nothing; {100 * killed / judged if judged else 100:.1f} % of {judged} die")


if __name__ == "__main__":
    main()
