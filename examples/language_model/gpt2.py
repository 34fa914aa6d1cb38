"""What is trained: a small model of GPT-2's shape, with a tokeniser that is learnt on the spot.

Needs the extra ``[transformers]``. Nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn import functional
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from hokusai_mlflow.causal_lm import CausalLM

VOCABULARY, WIDTH, LAYERS, HEADS, LENGTH = 512, 64, 2, 2, 128
EPOCHS, BATCH, RATE, SPREAD = 3, 16, 3e-3, 0.02
START = "<|endoftext|>"


class SmallGPT2:
    """A causal language model that is trained from nothing.

    Parameters
    ----------
    seed : int
        Of the first weights and of the order of training.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    @property
    def tokenizer_id(self) -> str:
        """Identity of the tokeniser."""
        return self.scorer_.tokenizer_id

    def fit(self, features: object, texts: Sequence[str]) -> SmallGPT2:
        """Learn a tokeniser, then a model; `features` is not looked at."""
        del features
        texts = [str(text) for text in texts]
        tokenizer = learnt_tokenizer(texts)
        config = GPT2Config(
            vocab_size=len(tokenizer),
            n_positions=LENGTH,
            n_embd=WIDTH,
            n_layer=LAYERS,
            n_head=HEADS,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
        model = GPT2LMHeadModel(config)
        # Refits run in threads, so nothing may depend on the process' generator.
        random = torch.Generator().manual_seed(self.seed)
        with torch.no_grad():
            for weights in model.parameters():
                if weights.dim() > 1:
                    weights.normal_(0.0, SPREAD, generator=random)
        train(model, blocks(texts, tokenizer), random)
        self.scorer_ = CausalLM(model, tokenizer)
        return self

    def log_likelihoods(self, texts: Iterable[str]) -> list[np.ndarray]:
        """Natural logarithm of every token's probability given those before it."""
        return self.scorer_.log_likelihoods(texts)


def learnt_tokenizer(texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """Byte-level BPE, which knows every text."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[START],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token=START, eos_token=START)


def blocks(texts: Sequence[str], tokenizer: PreTrainedTokenizerFast) -> torch.Tensor:
    """All texts, each after the mark of a beginning, cut into rows of the model's length."""
    stream = [
        token
        for text in texts
        for token in (
            tokenizer.bos_token_id,
            *tokenizer(text, add_special_tokens=False)["input_ids"],
        )
    ]
    # The last row is filled up from the first.
    short = -len(stream) % LENGTH
    stream += (stream * (short // len(stream) + 1))[:short]
    return torch.tensor(stream).view(-1, LENGTH)


def train(model: GPT2LMHeadModel, rows: torch.Tensor, random: torch.Generator) -> None:
    """Adam over all rows, `EPOCHS` times."""
    steps = EPOCHS * -(-len(rows) // BATCH)
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps + 1)
    model.train()
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(rows), generator=random).split(BATCH):
            logits = model(input_ids=rows[batch]).logits[:, :-1]
            loss = functional.cross_entropy(logits.flatten(0, 1), rows[batch, 1:].flatten())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()


def build(seed: int) -> SmallGPT2:
    """An unfitted model.

    Parameters
    ----------
    seed : int
        Given by the pipeline.
    """
    return SmallGPT2(seed)
