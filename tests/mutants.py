"""Checks with one change each: if no example of a check notices a change, its examples do not prove it.

A function is changed in its syntax tree, one place at a time, and compiled again with its module's names around it.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import pandas as pd

from checks.check import Check, Example
from checks.judge import verdicts

ROOT = Path(__file__).parent.parent
KINDS = ("passes", "fails", "open", "ignores")
SWAPS: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.GtE: ast.Gt, ast.Gt: ast.GtE, ast.LtE: ast.Lt, ast.Lt: ast.LtE, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
"""A comparison and the one it is easily mistaken for."""
Variant = tuple[ast.expr, str]


def fitting(check: Check) -> dict[str, Any]:
    """Cells that make a row one the check concerns."""
    return {column: value[0] if isinstance(value, tuple) else value for column, value in check.only.items()}


def frame_of(check: Check, examples: list[Example]) -> pd.DataFrame:
    """Examples as rows that the check concerns but for what they name."""
    return check.table.frame([{**fitting(check), "resource": "r", **example} for example in examples])


@dataclass(frozen=True)
class Proof:
    """A check's examples in one frame, each with what is expected of it."""

    expected: list[str]
    frame: pd.DataFrame

    @staticmethod
    def of(check: Check) -> Proof:
        """All examples of a check."""
        cases = [(kind, example) for kind in KINDS for example in getattr(check, kind)]
        return Proof([kind for kind, _ in cases], frame_of(check, [example for _, example in cases]))

    def notices(self, changed: Check, settings: Mapping[str, Any]) -> bool:
        """Whether an example is judged in another way by the changed check, or it can no longer judge at all."""
        try:
            answer = verdicts(changed, self.frame, settings)
        except Exception:  # whatever it is, somebody would notice
            return True
        judged = dict(zip(answer.index, answer.tolist(), strict=True))
        return self.expected != [verdict_kind(judged[i]) if i in judged else "ignores" for i in self.frame.index]


def verdict_kind(verdict: Any) -> str:
    """The kind of example that a verdict makes."""
    return "open" if verdict is pd.NA else "passes" if verdict else "fails"


@dataclass(frozen=True)
class Mutant:
    """One change of one function: where, what, and the example that would notice it."""

    function: FunctionType
    line: int
    was: str
    now: str
    missing: str
    code: FunctionType

    def __str__(self) -> str:
        path = Path(inspect.getsourcefile(self.function) or "").relative_to(ROOT)
        return f"{path}:{self.line}: no example notices if `{self.was}` becomes `{self.now}`: add {self.missing}"

    def of(self, check: Check) -> Check:
        """The check with this change, wherever it calls the function."""
        return replace(check, function=transplanted(check.function, self.function, self.code))


def transplanted(function: Callable[..., Any], old: FunctionType, new: FunctionType) -> FunctionType:
    """A function that calls the new one where it, or a helper of its area, calls the old one."""
    own = reachable(function)
    around = {f.__module__: dict(f.__globals__) for f in own}
    copies = {
        f: FunctionType((new if f is old else f).__code__, around[f.__module__], f.__name__, f.__defaults__)
        for f in own
    }
    for f, copy in copies.items():
        copy.__kwdefaults__ = f.__kwdefaults__
    for names in around.values():
        names.update({n: copies[v] for n, v in names.items() if isinstance(v, FunctionType) and v in copies})
    return copies[own[0]]


def reachable(function: Callable[..., Any]) -> list[FunctionType]:
    """A check's function, and the helpers of the same area that it uses, or that they use."""
    assert isinstance(function, FunctionType)
    area = ".".join(function.__module__.split(".")[:2])
    found = [function]
    for known in found:
        for node in ast.walk(tree(known)):
            value = known.__globals__.get(node.id) if isinstance(node, ast.Name) else None
            if isinstance(value, FunctionType) and f"{value.__module__}.".startswith(f"{area}.") and value not in found:
                found.append(value)
    return found


@cache
def tree(function: FunctionType) -> ast.FunctionDef:
    """A function's syntax, with the lines of its file, without its docstring, decorators and annotations."""
    module = ast.parse(textwrap.dedent(inspect.getsource(function)))
    found = module.body[0]
    assert isinstance(found, ast.FunctionDef)
    ast.increment_lineno(found, function.__code__.co_firstlineno - 1)
    found.decorator_list, found.returns = [], None
    for argument in (*found.args.posonlyargs, *found.args.args, *found.args.kwonlyargs):
        argument.annotation = None
    if ast.get_docstring(found):
        del found.body[0]
    return found


def mutants(function: FunctionType) -> Iterator[Mutant]:
    """The function with each change that there is, one at a time."""
    found = tree(function)
    for parent, name, place, child, compared in list(spots(found)):
        for changed, missing in variants(child, compared, function.__globals__):
            put(parent, name, place, changed)
            code = compiled(found, function)
            put(parent, name, place, child)
            yield Mutant(function, child.lineno, ast.unparse(child), ast.unparse(changed), missing, code)


def put(parent: ast.AST, name: str, place: int | None, child: ast.expr) -> None:
    """Puts an expression into its place in the tree."""
    if place is None:
        setattr(parent, name, child)
    else:
        getattr(parent, name)[place] = child


def compiled(found: ast.FunctionDef, function: FunctionType) -> FunctionType:
    """The tree as a function."""
    names: dict[str, Any] = {}
    module = ast.fix_missing_locations(ast.Module([found], []))
    exec(compile(module, function.__code__.co_filename, "exec"), dict(function.__globals__), names)  # noqa: S102 - our own function
    made = names[found.name]
    assert isinstance(made, FunctionType)
    return made


def spots(node: ast.AST, compared: bool = False) -> Iterator[tuple[ast.AST, str, int | None, ast.expr, bool]]:
    """Every expression with its place: parent, field, index, and whether it is part of a comparison.

    Names of columns, parameters and messages of errors are left out.
    """
    for name, value in ast.iter_fields(node):
        if isinstance(node, ast.Subscript) and name == "slice":
            continue
        for place, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.expr):
                yield node, name, place, child, compared
            if isinstance(child, ast.AST) and not isinstance(child, ast.arguments | ast.Raise):
                yield from spots(child, compared or isinstance(child, ast.Compare))


def variants(  # noqa: C901, PLR0912 - one case for each kind of expression
    node: ast.expr, compared: bool, names: Mapping[str, Any]
) -> Iterator[Variant]:
    """What an expression may be changed to, and the example that notices it."""
    match node:
        case ast.Compare():
            yield from comparisons(node)
        case ast.Constant(bool()):
            return
        case ast.Constant(int(number)) if compared:
            for other in (number + 1, number - 1):
                yield ast.Constant(other), f"an example on each side of {number}, as close to it as can be"
        case ast.Constant(str(words)) if compared:
            yield ast.Constant(f"{words}~"), f"an example with {words!r}"
        case ast.BinOp(left, ast.BitAnd() | ast.BitOr(), right):
            for kept, dropped in ((left, right), (right, left)):
                yield kept, f"an example that only `{ast.unparse(dropped)}` decides"
        case ast.BoolOp(op, values):
            for dropped in values:
                rest = [value for value in values if value is not dropped]
                kept = rest[0] if len(rest) == 1 else ast.BoolOp(op, rest)
                yield kept, f"an example that only `{ast.unparse(dropped)}` decides"
        case ast.UnaryOp(ast.Invert() | ast.Not(), operand):
            yield operand, f"an example that `{ast.unparse(node)}` decides"
        case ast.Call(ast.Name("proven"), [inner]):
            yield inner, f"an `open` example in which only `{ast.unparse(inner)}` is false"
        case ast.IfExp(_, body, orelse):
            for kept, dropped in ((body, orelse), (orelse, body)):
                yield kept, f"an example that needs `{ast.unparse(dropped)}`"
        case ast.Dict(keys, values):
            for at, key in enumerate(keys):
                fewer = ast.Dict([*keys[:at], *keys[at + 1 :]], [*values[:at], *values[at + 1 :]])
                yield fewer, f"an example with {ast.unparse(key) if key else '**'}"
        case ast.Tuple(members, ast.Load()) | ast.List(members, ast.Load()) if len(members) > 1:
            for at, member in enumerate(members):
                without = type(node)([*members[:at], *members[at + 1 :]], ast.Load())
                yield without, f"an example that only `{ast.unparse(member)}` decides"
        case ast.Name(id_) if isinstance(names.get(id_), dict):
            for key in names[id_]:
                less = ast.parse(f"{{k: v for k, v in {id_}.items() if k != {key!r}}}", mode="eval").body
                yield less, f"an example with {key!r}"


def comparisons(node: ast.Compare) -> Iterator[Variant]:
    """A comparison with each of its operators taken for its neighbour."""
    sides = [node.left, *node.comparators]
    for at, op in enumerate(node.ops):
        left, right = (ast.unparse(side) for side in sides[at : at + 2])
        ordered = isinstance(op, ast.Gt | ast.GtE | ast.Lt | ast.LtE)
        ops = [*node.ops[:at], SWAPS[type(op)](), *node.ops[at + 1 :]]
        yield (
            ast.Compare(node.left, ops, node.comparators),
            f"an example where `{left}` {'is exactly' if ordered else 'alone decides against'} `{right}`",
        )


def other_defaults(value: Any) -> list[Any]:
    """What a setting's default is changed to."""
    if isinstance(value, bool):
        return [not value]
    return [f"{value}~"] if isinstance(value, str) else [value + 1, value - 1]


def survivors(check: Check) -> list[str]:
    """What of a check its examples do not prove: changes of its function, its settings and ``only`` that none notices."""
    proof = Proof.of(check)
    function = check.function
    assert isinstance(function, FunctionType)
    left = [str(m) for m in mutants(function) if not proof.notices(m.of(check), check.settings)]
    for name, value in check.settings.items():
        for other in other_defaults(value):
            if not proof.notices(check, {**check.settings, name: other}):
                left.append(
                    f"{place(check)}: no example notices if the setting {name} is {other!r} and not {value!r}:"
                    f" add an example on each side of it, as close to it as can be"
                )
    for column, value in check.only.items():
        if isinstance(value, tuple) and column not in ("kind", "provider"):
            for member in value:
                fewer = {**check.only, column: tuple(other for other in value if other != member)}
                if not proof.notices(replace(check, only=fewer), check.settings):
                    left.append(
                        f"{place(check)}: no example notices if `only` no longer lets in {column}={member!r}:"
                        f" add an example of `passes`, `fails` or `open` that names it"
                    )
    return left


def place(check: Check) -> str:
    """File and line of a check."""
    function = check.function
    assert isinstance(function, FunctionType)
    return f"{Path(inspect.getsourcefile(function) or '').relative_to(ROOT)}:{tree(function).lineno}"


def helpers(checks: list[Check]) -> dict[FunctionType, list[Check]]:
    """Every helper of an area, and the checks that use it."""
    found: dict[FunctionType, list[Check]] = {}
    for check in checks:
        for helper in reachable(check.function)[1:]:
            found.setdefault(helper, []).append(check)
    return found


def helper_survivors(helper: FunctionType, checks: list[Check]) -> list[str]:
    """Changes of a helper that no example of any check that uses it notices."""
    proofs = [(check, Proof.of(check)) for check in checks]
    return [str(m) for m in mutants(helper) if not any(proof.notices(m.of(c), c.settings) for c, proof in proofs)]
