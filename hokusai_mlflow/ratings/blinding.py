"""Questions to raters that do not tell which model answered.

Names, orders and sides are drawn by a keyed hash: whoever has the key gets the same ones again, so
that nothing has to be kept that could give a model away; nobody else learns anything from them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hokusai_mlflow.errors import InputError


@dataclass(frozen=True)
class Question:
    """What raters see of an example.

    Attributes
    ----------
    id : str
        Blinded name, 32 hexadecimal digits.
    prompt : str
        What was asked.
    answers : tuple of (str, str)
        Blinded name and text of each answer, in the order of the names: two, or one where both
        models said the same. That one is rated once and counts for both.
    """

    id: str
    prompt: str
    answers: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Unblinded:
    """Which example a question is, and whose the answers are.

    Attributes
    ----------
    item : str
        Example id.
    question, champion, candidate : str
        Blinded names.
    """

    item: str
    question: str
    champion: str
    candidate: str


@dataclass(frozen=True, repr=False)
class Blinding:
    """Draws names, orders and sides for one round of ratings.

    Parameters
    ----------
    key : bytes
        Secret of the model's owner.
    round : str
        Which round; another one has other names.
    """

    key: bytes
    round: str

    def name(self, *of: str) -> str:
        """A name that tells nothing, 32 hexadecimal digits."""
        told = json.dumps([self.round, *of]).encode()
        return hmac.new(self.key, told, hashlib.sha256).hexdigest()[:32]

    def sides(self, question: Question, rater: str) -> tuple[tuple[str, str], ...]:
        """The answers in the order in which a rater sees them: a coin of its own per rater."""
        turned = int(self.name("side", question.id, rater), 16) % 2
        return question.answers[::-1] if turned else question.answers

    def order(self, questions: Sequence[Question], rater: str) -> list[Question]:
        """The questions in a rater's own order."""
        return sorted(questions, key=lambda one: self.name("order", one.id, rater))

    def ask(
        self,
        items: Sequence[str],
        prompts: Sequence[str],
        champion: Sequence[str],
        candidate: Sequence[str],
    ) -> tuple[tuple[Question, ...], tuple[Unblinded, ...]]:
        """Questions about two models' answers, in an order that tells nothing.

        Parameters
        ----------
        items : sequence of str, length n
            Example ids.
        prompts, champion, candidate : sequence of str, length n
            What was asked, and what each model said.

        Returns
        -------
        questions : tuple of Question
            For raters.
        unblinded : tuple of Unblinded
            For the test; in the same order.

        Raises
        ------
        InputError
            When an example is there twice, or a model has nothing to say that could be rated.
        """
        if len(set(items)) < len(items):
            raise InputError("expected every example once, found one twice among those to rate")
        asked = []
        for item, prompt, *said in zip(items, prompts, champion, candidate, strict=True):
            for who, text in zip(("champion", "candidate"), said, strict=True):
                if not isinstance(text, str):
                    raise InputError(
                        f"the {who}'s answer to {item!r} is {text!r}; expected a text, which "
                        "people can rate"
                    )
            question = self.name("question", item)
            if said[0] == said[1]:
                names = [self.name("answer", item, "both")] * 2
            else:
                names = [self.name("answer", item, who) for who in ("champion", "candidate")]
            answers = tuple(sorted(set(zip(names, said, strict=True))))
            asked.append((Question(question, prompt, answers), Unblinded(item, question, *names)))
        asked.sort(key=lambda pair: pair[0].id)
        return tuple(q for q, _ in asked), tuple(u for _, u in asked)

    def __repr__(self) -> str:
        return f"Blinding({self.round})"


def described(questions: Sequence[Question]) -> list[Any]:
    """Questions as plain values, for a digest."""
    return [[one.id, one.prompt, [list(answer) for answer in one.answers]] for one in questions]
