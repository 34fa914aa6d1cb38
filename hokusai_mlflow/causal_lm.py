"""Log-likelihoods of texts by causal models of `transformers` (extra ``[transformers]``)."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError

_LOGITS_AT_ONCE = 2**25
"""Of a batch: 256 MiB of double precision."""


@dataclass(frozen=True)
class Window:
    """A part of a text that the model sees at once.

    Attributes
    ----------
    text : int
        Which text.
    tokens : tuple of int
        What the model is given, and the tokens that it is asked for.
    first : int
        Place in `tokens` of the first one that is scored here; those before are context.
    """

    text: int
    tokens: tuple[int, ...]
    first: int


class CausalLM:
    """A causal language model with its tokeniser, as a recipe's models are asked: token by token.

    Every token of a text is scored once, given the tokens before it; the first one given the mark
    of a beginning (`bos`), and no mark of the end. A text longer than `max_length` is seen in
    windows that move on by `stride`, so that a token beyond the first window has at least
    ``max_length − stride`` tokens of context. There is no approximation beside: the result is that
    of asking for one token after the other with the same context.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        With a head for language modelling. It is set to evaluation; nothing in it changes.
    tokenizer : transformers.PreTrainedTokenizerBase
        What cuts texts into the model's tokens.
    bos : int, optional
        Token in front of every text: the tokeniser's `bos_token_id`, else its `eos_token_id`.
    max_length : int, optional
        Tokens that the model sees at once, the one in front included; what its configuration says.
    stride : int, optional
        Tokens that a window moves on by, at most ``max_length − 1``; half of `max_length`.

    Raises
    ------
    InputError
        When there is nothing to put in front of a text, or lengths do not fit.

    Notes
    -----
    Bits of the last places depend on which texts are scored together: sums over padded batches are
    taken in another order.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        bos: int | None = None,
        max_length: int | None = None,
        stride: int | None = None,
    ) -> None:
        self.model, self.tokenizer = model.eval(), tokenizer
        named = (bos, tokenizer.bos_token_id, tokenizer.eos_token_id)
        found = next((one for one in named if one is not None), None)
        if found is None:
            raise InputError(
                "the tokeniser has no token for the beginning of a text, without which its first "
                "token has no probability; name one with bos="
            )
        self.bos = int(found)
        longest = getattr(model.config, "max_position_embeddings", None)
        wanted = max_length or longest
        if not wanted:
            raise InputError("the model's configuration has no length; name one with max_length=")
        self.max_length = int(wanted)
        if self.max_length < 2 or (longest and self.max_length > longest):
            raise InputError(
                f"expected max_length from 2 to the model's {longest}, found {self.max_length}"
            )
        self.stride = stride or max(1, self.max_length // 2)
        if not 1 <= self.stride < self.max_length:
            raise InputError(
                f"expected a stride from 1 to {self.max_length - 1}, found {self.stride}"
            )

    @property
    def tokenizer_id(self) -> str:
        """SHA-256 of everything that decides how texts are cut, and of the token in front."""
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        if backend is not None:
            told = backend.to_str()
        else:
            told = json.dumps([type(self.tokenizer).__name__, self.tokenizer.get_vocab()])
        return hashlib.sha256(f"{told}\0{self.bos}".encode()).hexdigest()

    def log_likelihoods(self, texts: Iterable[str]) -> list[npt.NDArray[np.float64]]:
        """Natural logarithm of every token's probability, one array per text.

        Parameters
        ----------
        texts : iterable of str

        Raises
        ------
        InputError
            When the tokeniser does not know a part of a text, or loses one.
        """
        cut = [self._tokens(text) for text in texts]
        found = [np.empty(len(tokens)) for tokens in cut]
        done = np.zeros(len(cut), dtype=np.int64)
        windows = [w for at, tokens in enumerate(cut) for w in self._windows(at, tokens)]
        # Windows of one text keep their order: sorting by length is stable, and only its last one
        # is shorter.
        windows.sort(key=lambda window: -len(window.tokens))
        vocabulary = int(self.model.config.vocab_size)
        start = 0
        while start < len(windows):
            most = max(1, _LOGITS_AT_ONCE // (len(windows[start].tokens) * vocabulary))
            batch = windows[start : start + most]
            for window, logs in zip(batch, self._scored(batch), strict=True):
                at = done[window.text]
                found[window.text][at : at + len(logs)] = logs
                done[window.text] += len(logs)
            start += most
        return found

    def _tokens(self, text: str) -> list[int]:
        tokens = [int(t) for t in self.tokenizer(text, add_special_tokens=False)["input_ids"]]
        unknown = getattr(self.tokenizer, "unk_token_id", None)
        if unknown is not None and unknown in tokens and unknown != self.tokenizer.eos_token_id:
            raise InputError(
                f"the tokeniser does not know a part of {text!r:.60}; the likelihood of an unknown "
                "token says nothing of the text: use a tokeniser of bytes"
            )
        back = self.tokenizer.decode(tokens, clean_up_tokenization_spaces=False)
        if _plain(back) != _plain(text):
            raise InputError(
                f"the tokeniser loses a part of {text!r:.60}: it comes back as {back!r:.60}, and "
                "what is lost is not paid for in likelihood"
            )
        return tokens

    def _windows(self, text: int, tokens: Sequence[int]) -> Iterable[Window]:
        whole, start, scored = (self.bos, *tokens), 0, 1
        while scored < len(whole):
            end = min(start + self.max_length, len(whole))
            yield Window(text, whole[start:end], scored - start)
            start, scored = start + self.stride, end

    def _scored(self, windows: Sequence[Window]) -> list[npt.NDArray[np.float64]]:
        import torch  # noqa: PLC0415 - an extra

        longest = len(windows[0].tokens)
        given = torch.zeros((len(windows), longest), dtype=torch.long)
        mask = torch.zeros_like(given)
        for row, window in enumerate(windows):
            given[row, : len(window.tokens)] = torch.tensor(window.tokens)
            mask[row, : len(window.tokens)] = 1
        device = next(self.model.parameters()).device
        with torch.inference_mode():
            logits = self.model(input_ids=given.to(device), attention_mask=mask.to(device)).logits
            # A token's probability stands where the one before it was given.
            logs = torch.log_softmax(logits[:, :-1].double(), dim=-1).cpu()
            picked = logs.gather(-1, given[:, 1:, None]).squeeze(-1).numpy()
        return [
            picked[row, window.first - 1 : len(window.tokens) - 1]
            for row, window in enumerate(windows)
        ]


def _plain(text: str) -> str:
    """Text without what tokenisers change harmlessly: composed accents, and outer blanks."""
    return unicodedata.normalize("NFC", text).strip()
