"""A translator that learns from sentence pairs: a memory of them, and a word list drawn from them.

A sentence much like a known one gets that one's translation. Any other is put together word by
word, each from the word that translates it most often (IBM Model 1; Brown et al. 1993,
https://aclanthology.org/J93-2003).
"""

import re
from collections import defaultdict

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

ALIKE = 0.75
ROUNDS = 6
RARE = 1e-6


def words(text):
    """Words and marks of a text."""
    return re.findall(r"\w+|[^\w\s]", text)


class Translator:
    """Learns from English sentences, the one column of the features, and their translations."""

    def fit(self, features, targets):
        """Keep the pairs, and draw a word list from them."""
        english = features.iloc[:, 0].astype(str).tolist()
        self.translations_ = [str(target) for target in targets]
        self.letters_ = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
        self.memory_ = self.letters_.fit_transform(english)
        self.words_ = word_list(
            [words(text.lower()) for text in english], [words(text) for text in self.translations_]
        )
        return self

    def predict(self, features):
        """A translation of each sentence."""
        english = features.iloc[:, 0].astype(str).tolist()
        likeness = (self.letters_.transform(english) @ self.memory_.T).toarray()
        nearest = likeness.argmax(axis=1)
        said = [
            self.translations_[known] if likeness[at, known] >= ALIKE else self.word_by_word(text)
            for at, (text, known) in enumerate(zip(english, nearest, strict=True))
        ]
        return np.array(said, dtype=object)

    def word_by_word(self, text):
        """A sentence put together from the word list; unknown words stay."""
        said = " ".join(self.words_.get(word.lower(), word) for word in words(text))
        said = re.sub(r"\s+([.,:;!?)])", r"\1", said)
        return said[:1].upper() + said[1:]


def word_list(english, translations):
    """Expectation maximisation; "" stands for what translates no word."""
    pairs = [([*source, ""], target) for source, target in zip(english, translations, strict=True)]
    chance = defaultdict(dict)
    for source, target in pairs:
        for word in source:
            for said in target:
                chance[word][said] = 1.0
    for _ in range(ROUNDS):
        counts = defaultdict(lambda: defaultdict(float))
        for source, target in pairs:
            for said in target:
                total = sum(chance[word].get(said, RARE) for word in source)
                for word in source:
                    counts[word][said] += chance[word].get(said, RARE) / total
        for word, row in counts.items():
            total = sum(row.values())
            chance[word] = {said: count / total for said, count in row.items()}
    # The first of equals in order of letters: a model must say the same each time.
    return {
        word: min(row, key=lambda said: (-row[said], said))
        for word, row in chance.items()
        if word and row
    }


def build(seed):
    """An untrained translator; nothing in it is left to chance."""
    return Translator()
