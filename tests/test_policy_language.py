"""How documents, conditions and patterns of AWS policies are read: what is no policy, what always holds, what matches what."""

from __future__ import annotations

import json
import re
from itertools import product
from typing import Any

import pandas as pd
import pytest
from statements import HEAD, allow, deny, text

from checks.policy.device import connects_as_anyone
from checks.policy.document import NotAPolicy, all_of, holds, parse
from checks.policy.pattern import ANY, FRESH, ONE, Globs, compact, fits, items, matches, resource, resource_part
from checks.policy.verdict import judge

ATTACHED = "iot:Connection.Thing.IsAttached"

ALWAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "any client id": ("Connect", {"StringLike": {"iot:ClientId": "*"}}),
    "any client id, in a list": ("Connect", {"StringLike": {"iot:ClientId": ["*"]}}),
    "any client id, by many stars": ("Connect", {"StringLike": {"iot:ClientId": "***"}}),
    "any client id, among others": ("Connect", {"StringLike": {"iot:ClientId": ["pump", "*"]}}),
    "any client id, in capitals": ("Connect", {"STRINGLIKE": {"IOT:CLIENTID": "*"}}),
    "any client id, as an ARN": ("Connect", {"ArnLike": {"iot:ClientId": "*"}}),
    "any client id, as an equal ARN": ("Connect", {"ArnEquals": {"iot:ClientId": "*"}}),
    "any address, if it exists": ("Publish", {"StringLikeIfExists": {"aws:SourceVpce": "*"}}),
    "any address, if it exists, on a connect": ("Connect", {"StringLikeIfExists": {"aws:SourceVpce": "*"}}),
    "any client id, if it exists": ("Publish", {"StringLikeIfExists": {"iot:ClientId": "*"}}),
    "all values anything": ("Publish", {"ForAllValues:StringLike": {"aws:TagKeys": "*"}}),
    "all values anything, if they exist": ("Publish", {"ForAllValues:StringLikeIfExists": {"aws:TagKeys": "*"}}),
    "true or false, if it exists": ("Connect", {"BoolIfExists": {ATTACHED: ["true", "false"]}}),
    "true or false, in capitals": ("Connect", {"BoolIfExists": {ATTACHED: ["TRUE", "False"]}}),
    "true, false or a third": ("Connect", {"BoolIfExists": {ATTACHED: ["true", "false", "perhaps"]}}),
    "true or false, as JSON has it": ("Connect", {"BoolIfExists": {ATTACHED: [True, False]}}),
    "two that always hold": ("Connect", {"StringLike": {"iot:ClientId": "*"}, "BoolIfExists": {"aws:x": [True, False]}}),
    "no operators": ("Connect", {}),
    "operators without keys": ("Connect", {"Bool": {}}),
}  # fmt: skip
SOMETIMES: dict[str, tuple[str, dict[str, Any]]] = {
    "a client id that begins": ("Connect", {"StringLike": {"iot:ClientId": "a*"}}),
    "no client id": ("Connect", {"StringLike": {"iot:ClientId": ""}}),
    "client ids by number": ("Connect", {"NumericEquals": {"iot:ClientId": 7}}),
    "a client id that is a star": ("Connect", {"StringEquals": {"iot:ClientId": "*"}}),
    "a client id, not on a connect": ("Publish", {"StringLike": {"iot:ClientId": "*"}}),
    "an address that may be missing": ("Connect", {"StringLike": {"aws:SourceVpce": "*"}}),
    "an address, if it exists": ("Connect", {"StringLikeIfExists": {"aws:SourceVpce": "vpce-1"}}),
    "some value anything": ("Publish", {"ForAnyValue:StringLike": {"aws:TagKeys": "*"}}),
    "true, if it exists": ("Connect", {"BoolIfExists": {ATTACHED: ["true"]}}),
    "false, if it exists": ("Connect", {"BoolIfExists": {ATTACHED: "false"}}),
    "true or false, where the key may be missing": ("Connect", {"Bool": {ATTACHED: ["true", "false"]}}),
    "texts that say true and false": ("Connect", {"StringEqualsIfExists": {ATTACHED: ["true", "false"]}}),
    "one of two": ("Connect", {"StringLike": {"iot:ClientId": "*"}, "Bool": {ATTACHED: "true"}}),
    "one of two keys": ("Connect", {"StringLike": {"iot:ClientId": "*", "aws:SourceVpce": "*"}}),
}  # fmt: skip


@pytest.mark.parametrize("name", [*ALWAYS, *SOMETIMES])
def test_a_deny_counts_where_its_condition_holds_for_every_request(name: str) -> None:
    action, condition = (ALWAYS | SOMETIMES)[name]
    statements = allow(f"iot:{action}", "*"), deny(f"iot:{action}", "*", Condition=condition)
    assert judge([text(*statements)]).overly_permissive is (name in SOMETIMES)


def document(**more: Any) -> str:
    """A document of one statement, with some of it replaced; None leaves a key out."""
    statement = {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*", **more}
    return json.dumps({"Statement": {key: value for key, value in statement.items() if value is not None}})


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ('["Statement"]', "a policy is a JSON object with a Statement"),
        ('"Statement"', "a policy is a JSON object with a Statement"),
        ('{"Statement": "Statement"}', "Statement is one object or a list of objects"),
        ('{"a": 1, "b": 2, "b": 3, "c": 4}', "the key b stands twice in one object"),
        ('{"b": 1, "b": 2, "a": 3, "a": 4}', "the key b stands twice in one object"),
        (f'{{"{"k" * 60}": 1, "{"k" * 60}": 2}}', f"the key {'k' * 40} stands twice in one object"),
        ('{"Statement":\n nothing}', "not JSON: Expecting value in line 2, column 2"),
        ('{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}, 1]}', "statement 2 is not an object"),
        (document(Effect="Maybe"), "statement 1 has no Effect; allowed: Allow, Deny"),
        (document(Effect=None), "statement 1 has no Effect; allowed: Allow, Deny"),
        (document(NotAction="*"), "statement 1 needs either Action or NotAction"),
        (document(Action=None), "statement 1 needs either Action or NotAction"),
        (document(NotResource="*"), "statement 1 needs either Resource or NotResource"),
        (document(Action={"a": 1}), "Action of statement 1 is a string or a list of strings"),
        (document(Action=7), "Action of statement 1 is a string or a list of strings"),
        (document(Action=["iot:Connect", 7]), "Action of statement 1 is a string or a list of strings"),
        (document(Action=None, NotAction=[]), "NotAction of statement 1 is a string or a list of strings"),
        (document(Resource=[]), "Resource of statement 1 is a string or a list of strings"),
        (document(Resource=None, NotResource=[[]]), "NotResource of statement 1 is a string or a list of strings"),
        (document(Condition=["Bool"]), "the Condition of statement 1 maps operators to keys"),
        (document(Condition={"Bool": "true"}), "the Condition of statement 1 maps operators to keys"),
        (document(Condition={"Bool": {"a": "b"}, "Null": 1}), "the Condition of statement 1 maps operators to keys"),
    ],
)
def test_a_mistake_in_a_policy_is_named(wrong: str, line: str) -> None:
    with pytest.raises(NotAPolicy) as error:
        connects_as_anyone(wrong)
    assert str(error.value) == line


def test_a_statement_is_read_as_it_is_written() -> None:
    both = json.dumps({"Statement": [
        {"Effect": "Deny", "NotAction": ["iot:a", "iot:b"], "NotResource": "x", "Condition": {"Bool": {"k": 1}}},
        {"Effect": "Allow", "Action": "iot:a", "Resource": ["x", "y"], "Condition": {}},
    ]})  # fmt: skip
    first, second = parse(both)
    assert (first.allows, first.actions, first.not_actions) == (False, (), ("iot:a", "iot:b"))
    assert (first.resources, first.not_resources, first.condition) == ((), ("x",), {"Bool": {"k": 1}})
    assert (second.allows, second.actions, second.resources, second.condition) == (True, ("iot:a",), ("x", "y"), None)
    assert [statement.name for statement in (first, second)] == ["statement 1", "statement 2"]
    assert [statement.name for statement in all_of(f"[{both}]")] == ["policy 1, statement 1", "policy 1, statement 2"]


@pytest.mark.parametrize("wrong", ['{"Statement": []}', '"text"', "1", "null"])
def test_documents_come_as_a_list(wrong: str) -> None:
    with pytest.raises(NotAPolicy, match="expected a JSON list of policies"):
        all_of(wrong)


def test_a_question_is_asked_of_each_different_document_once() -> None:
    asked: list[str] = []

    def question(document: str) -> bool:
        asked.append(document)
        return connects_as_anyone(document)

    wide, narrow = document(), document(Resource=HEAD + "client/pump")
    found = holds(pd.Series([wide, narrow, None, "no policy", wide], dtype="string"), question)
    assert found.dtype == "boolean"
    assert found.tolist() == [True, False, pd.NA, pd.NA, True]
    assert asked == [wide, narrow, "no policy"]


ITEMS = {
    "a*?": ("a", ANY, ONE),
    "**a***b*": (ANY, "a", ANY, "b", ANY),
    "??": (ONE, ONE),
    "$a$": ("$", "a", "$"),
    "${*}${?}${$}": ("*", "?", "$"),
    "*${*}*": (ANY, "*", ANY),
    "**${a}**": (ANY, "${a}", ANY),
    "?${a}?*": (ONE, "${a}", ONE, ANY),
    "aa${b}": ("a", "a", "${b}"),
    "*${a}": (ANY, "${a}"),
    "${aws:X, 'y, z'}": ("${aws:x}",),
    "${ iot:ClientId }": ("${iot:clientid}",),
    "${a": ("$", "{", "a"),
    "${a{b}": ("$", "{", "a", "{", "b", "}"),
    "a\n${b}": ("a", "\n", "${b}"),
}


@pytest.mark.parametrize("pattern", ITEMS)
def test_a_pattern_is_read_item_by_item(pattern: str) -> None:
    assert items(pattern) == ITEMS[pattern]


def texts(alphabet: str, most: int) -> list[str]:
    """Every text of an alphabet."""
    return ["".join(letters) for n in range(most + 1) for letters in product(alphabet, repeat=n)]


def regex(pattern: str) -> re.Pattern[str]:
    """A pattern as a regular expression, an evaluator that shares nothing with the engine."""
    return re.compile("".join({"*": ".*", "?": "."}.get(c, c) for c in pattern))


def test_patterns_match_what_their_regular_expressions_match() -> None:
    patterns, values = texts("ab*?", 4), texts("ab", 4)
    for pattern in patterns:
        wanted = [bool(regex(pattern).fullmatch(value)) for value in values]
        assert [matches(pattern, value) for value in values] == wanted, pattern


def test_an_automaton_matches_what_each_of_its_patterns_matches() -> None:
    patterns, values = [items(p) for p in texts("a*?", 3)], texts("ab", 4)
    groups = [patterns[: len(patterns) // 2], patterns[len(patterns) // 2 :], []]
    globs = Globs(groups)
    for value in values:
        state = globs.read(globs.start, value)
        stepped = globs.start
        for symbol in value:
            stepped = globs.step(stepped, symbol)
        assert stepped == state
        before = 0
        for group, held in zip(groups, globs.groups, strict=True):
            fitting = [before + n for n, pattern in enumerate(group) if fits(pattern, value)]
            assert bool(state & held.ends) == bool(fitting)
            assert globs.first_match(state, held) == (fitting[0] if fitting else None)
            forever = [n for n in fitting if [*group][n - before][-1:] == (ANY,)]
            assert bool(state & held.absorbing) == bool(forever)
            assert not held.ends & ~held.places
            before += len(group)
    first, second, none = globs.groups
    assert first.places & second.places == none.places == 0
    assert (first.places | second.places).bit_length() == globs.size
    assert globs.literals == {"a"}


WHOLE = {
    ("a*", "ab*"): True,
    ("a*", "*"): False,
    ("?", "*"): False,
    ("*", "?"): True,
    ("?", "?"): True,
    ("?", "${a}"): False,
    ("*", "${a}"): True,
    ("${a}", "${a}"): True,
    ("${a}", "${b}"): False,
    ("a?c*", "abc?"): True,
    ("*b", "a*b"): True,
    ("*b*", "*bb"): True,
    ("a", "a"): True,
    ("", ""): True,
    ("", "a"): False,
    ("*", ""): True,
}


@pytest.mark.parametrize(("wide", "narrow"), WHOLE)
def test_a_pattern_covers_another_where_it_matches_all_that_the_other_matches(wide: str, narrow: str) -> None:
    assert fits(items(wide), items(narrow)) is WHOLE[wide, narrow]


def test_an_automaton_reads_variables_as_themselves_and_fresh_letters_as_letters() -> None:
    globs = Globs([[items("${a}?"), items("${a}"), items("b?")]])
    for symbols, ended in (
        (["${a}"], [1]),
        (["${a}", FRESH], [0]),
        (["${a}", "${b}"], []),
        (["b", FRESH], [2]),
        ([FRESH], []),
    ):
        state = globs.start
        for symbol in symbols:
            state = globs.step(state, symbol)
        assert state == globs.read(globs.start, symbols)
        assert [n for n, end in enumerate(globs.ends) if state >> end & 1] == ended
    assert globs.literals == {"b"}


RESOURCES = {
    "arn:aws:iot:r:1:client/a": "client/a",
    "arn:aws:iot:r:1:client:a": "client:a",
    "arn:aws:iot:*:*:client/a": "client/a",
    "arn:aws:iot:${r}:${a}:client/a": "client/a",
    "arn:*:iot:*:*:*": "*",
    "arn:aws-cn:iot:*:*:thing/?": "thing/?",
    "a*:aws:iot:r:1:x": "x",
    "a??:aws:iot:r:1:x": "x",
    "${x}:aws:iot:r:1:x": "x",
    "arn:aws:io?:r:1:x": "x",
    "arn:aws:i*:r:1:x": "x",
    "arn:aws:${s}:r:1:x": "x",
    "arn:aws:s3:::x": None,
    "xyz:aws:iot:r:1:x": None,
    "arn:aws:iot:r:1:": "",
    "arn:aws:iot:r:1": None,
    "arn:aws:iot:r*": "*",
    "arn:aws:iot:r1*:a": "*:a",
    "arn:aws:iot:*": "*",
    "arn:aws:i*": "*",
    "arn:aws:x*": None,
    "arn:aws:iota*": "*",
    "ar*": "*",
    "?r*": "*",
    "x*": None,
    "arn:a/b*": None,
    "arn:aws*x/y": "*x/y",
    "*": "*",
    "*/client/a": "*/client/a",
    "client/*": None,
    "a": None,
    "": None,
}


@pytest.mark.parametrize("pattern", RESOURCES)
def test_a_resource_is_what_an_arn_of_aws_iot_says_last(pattern: str) -> None:
    wanted = RESOURCES[pattern]
    assert resource(items(pattern)) == (None if wanted is None else items(wanted))


@pytest.mark.parametrize(
    ("pattern", "part"),
    [
        ("arn:aws:iot:r:1:client/a", "client/a"),
        ("arn:aws:logs:r:1:log-group:a:*", "log-group:a:*"),
        ("arn:aws:s3:::a", "a"),
        ("xrn:aws:s3:::a", ""),
        ("xrn:aws:s3:::a*", "*"),
        ("arn:aws:iot:*", "*"),
        ("arn:aws:iot", ""),
        ("*", "*"),
    ],
)
def test_the_last_part_of_an_arn_is_its_resource_in_any_service(pattern: str, part: str) -> None:
    assert resource_part(pattern) == part


@pytest.mark.parametrize(
    ("long", "shown"),
    [
        ("a" * 40, "a" * 40),
        ("b" + "a" * 41 + "c", "baaa…(41)…c"),
        ("ab" * 100, "ab" * 100),
        ("ab" * 100 + "c", "ab" * 60 + "…" + "b" + "ab" * 29 + "c"),
    ],
)
def test_a_long_text_is_shown_without_its_middle(long: str, shown: str) -> None:
    assert compact(long) == shown
