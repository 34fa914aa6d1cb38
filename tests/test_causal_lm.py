"""Log-likelihoods by a causal model equal those of asking for one token after the other."""

import math

import numpy as np
import pytest

from hokusai_mlflow.causal_lm import CausalLM
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.predicting import predict

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")
pytestmark = pytest.mark.filterwarnings("ignore")
TEXTS = [
    "Fit the model on the training rows.",
    "né",
    "the rows " * 12,
    "a",
    "Return the mean of the rows that the model was not trained on.",
]


def tokenizer(texts=TEXTS, size=280, **options):
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        texts,
        tokenizers.trainers.BpeTrainer(
            vocab_size=size, special_tokens=["<s>"], initial_alphabet=alphabet, show_progress=False
        ),
    )
    options = {"bos_token": "<s>"} | options
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, **options)


def gpt2(size=280, length=16):
    torch.manual_seed(1)
    config = transformers.GPT2Config(
        vocab_size=size, n_positions=length, n_embd=16, n_layer=2, n_head=2
    )
    return transformers.GPT2LMHeadModel(config)


def llama(size=280, length=16):
    torch.manual_seed(2)
    config = transformers.LlamaConfig(
        vocab_size=size,
        max_position_embeddings=length,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
    )
    return transformers.LlamaForCausalLM(config)


def one_by_one(lm, text):
    """Every token from the window that scores it, asked for by itself."""
    whole = [lm.bos, *lm.tokenizer(text, add_special_tokens=False)["input_ids"]]
    logs = []
    for at in range(1, len(whole)):
        start = 0
        while at >= start + lm.max_length:
            start += lm.stride
        with torch.no_grad():
            logits = lm.model(input_ids=torch.tensor([whole[start:at]])).logits[0, -1].double()
        logs.append(float(torch.log_softmax(logits, dim=-1)[whole[at]]))
    return np.array(logs)


@pytest.mark.parametrize("make", [gpt2, llama])
@pytest.mark.parametrize(("length", "stride"), [(16, None), (16, 15), (16, 1), (7, 3)])
def test_one_token_after_the_other(make, length, stride):
    lm = CausalLM(make(), tokenizer(), max_length=length, stride=stride)
    found = lm.log_likelihoods(TEXTS)
    for text, logs in zip(TEXTS, found, strict=True):
        expected = one_by_one(lm, text)
        assert len(logs) == len(lm.tokenizer(text)["input_ids"]) == len(expected)
        np.testing.assert_allclose(logs, expected, atol=2e-5)
    alone = [lm.log_likelihoods([text])[0] for text in TEXTS]
    for one, among in zip(alone, found, strict=True):
        np.testing.assert_allclose(one, among, atol=2e-5)


def test_perplexity_is_the_loss_of_the_library():
    lm = CausalLM(gpt2(length=64), tokenizer())
    text = TEXTS[0]
    whole = torch.tensor([[lm.bos, *lm.tokenizer(text)["input_ids"]]])
    with torch.no_grad():
        loss = float(lm.model(input_ids=whole, labels=whole).loss)
    said = predict(lm, [0], metric("perplexity"), name="model", targets=[text])
    assert metric("perplexity").score([text], said) == pytest.approx(math.exp(loss), rel=1e-5)
    bytes_ = len(text.encode())
    tokens = whole.shape[1] - 1
    assert metric("perplexity", per="byte").score([text], said) == pytest.approx(
        math.exp(loss * tokens / bytes_), rel=1e-5
    )


def test_tokenisers_are_told_apart():
    lm = CausalLM(gpt2(), tokenizer())
    assert lm.tokenizer_id == CausalLM(llama(), tokenizer()).tokenizer_id
    other = CausalLM(gpt2(), tokenizer(["other texts have other merges " * 9]))
    assert lm.tokenizer_id != other.tokenizer_id
    assert lm.tokenizer_id != CausalLM(gpt2(), tokenizer(), bos=5).tokenizer_id


def test_what_cannot_be_scored():
    with pytest.raises(InputError, match="beginning of a text"):
        CausalLM(gpt2(), tokenizer(bos_token=None))
    with pytest.raises(InputError, match="stride from 1 to 15"):
        CausalLM(gpt2(), tokenizer(), stride=16)
    with pytest.raises(InputError, match="found 99"):
        CausalLM(gpt2(), tokenizer(), max_length=99)
    words = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({"[UNK]": 0, "the": 1, "rows": 2}, unk_token="[UNK]")
    )
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    by_word = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="[UNK]", bos_token="the"
    )
    with pytest.raises(InputError, match="does not know a part of 'the columns'"):
        CausalLM(gpt2(), by_word).log_likelihoods(["the rows", "the columns"])
    lower = tokenizer()
    lower.backend_tokenizer.normalizer = tokenizers.normalizers.Lowercase()
    with pytest.raises(InputError, match="loses a part of 'Fit"):
        CausalLM(gpt2(), lower).log_likelihoods(TEXTS)


def test_no_texts():
    assert CausalLM(gpt2(), tokenizer()).log_likelihoods([]) == []
    assert len(CausalLM(gpt2(), tokenizer()).log_likelihoods([""])[0]) == 0
