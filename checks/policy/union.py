"""What policies say only when they meet: the sets of documents in force at once on one certificate.

Each document is judged on its own wherever it lies. What is asked here is the rest: what a set allows, a Deny in one
document counting against all, that none of its documents allows alone. So nothing is reported twice for one reason.

Two unrelated names are let through by one pattern, which stands in one document; what a second document adds is a Connect
that leaves the client id open, or a Receive that delivers. Sets without either are not searched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from checks.policy.bypassed_deny import denied_yet_delivered
from checks.policy.device import Device, Undecided, device
from checks.policy.document import NotAPolicy, load, parse
from checks.policy.topics import scopes_by_client_id

Question = Callable[[Device], object]
RIGHTS: tuple[Question, ...] = (
    lambda asked: asked.publishes,
    lambda asked: asked.subscribes,
    lambda asked: asked.calls,
)
"""What AWS IoT Device Defender calls overly permissive, right by right; connecting is decided by one statement."""


def sets(documents: str) -> Iterator[tuple[str, ...]]:
    """The sets of at least two different documents. Raises NotAPolicy when this is no JSON list of lists of texts."""
    found = load(documents)
    if type(found) is not list or not all(
        type(group) is list and all(isinstance(document, str) for document in group) for group in found
    ):
        raise NotAPolicy("expected a JSON list of lists of policies")
    for group in found:
        for document in group:
            device(document)  # one that is no policy leaves everything open
        if len(different := tuple(dict.fromkeys(group))) > 1:
            yield different


@lru_cache(maxsize=512)
def union(documents: tuple[str, ...]) -> Device:
    """Some documents as one. Raises NotAPolicy when one of them is none."""
    return Device(
        statement for number, document in enumerate(documents, 1) for statement in parse(document, f"policy {number}, ")
    )


def denies(asked: Device) -> bool:
    """Whether one of the statements is a Deny."""
    return not all(statement.allows for statement in asked.statements)


def only_together(documents: str, questions: Iterable[Question], matters: Question) -> bool:
    """Whether a set answers one of the questions with yes, and none of its documents does.

    Sets that do not matter are not asked. Raises Undecided where only an undocumented variable keeps a set from yes.
    """
    open_questions, asked = False, tuple(questions)
    for group in sets(documents):
        whole = union(group)
        if not matters(whole):
            continue
        single = [device(document) for document in group]
        for question in asked:
            if question(whole):
                if not any(question(one) for one in single):
                    return True
            elif whole.hope is not whole and question(whole.hope):
                open_questions |= not any(question(one.hope) for one in single)
    if open_questions:
        raise Undecided("a variable that AWS IoT does not document")
    return False


def reaches_others_together(documents: str) -> bool:
    """Policies that meet let a device publish, subscribe or call for others, which none does alone."""
    return only_together(documents, RIGHTS, scopes_by_client_id)


def trusts_a_chosen_client_id_together(documents: str) -> bool:
    """A topic or thing is scoped by the client id in one policy, and another lets any client id connect.

    Where that reaches reserved topics, shadows or jobs of others, the answer to the question above is yes, and this no.
    """
    chosen = only_together(
        documents, [lambda asked: scopes_by_client_id(asked) and asked.connects], scopes_by_client_id
    )
    return chosen and not reaches_others_together(documents)


def delivers_what_is_denied_together(documents: str) -> bool:
    """A topic that one policy keeps from being subscribed to arrives because another lets it be received."""
    return only_together(documents, [denied_yet_delivered], denies)
