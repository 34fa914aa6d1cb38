"""Real English prose that every Python has: the language reference in `pydoc`, by paragraphs."""

import random
import re
from pydoc_data import topics


def paragraphs(least=200, most=1_500):
    """Different paragraphs, in a fixed order."""
    found = []
    for name in sorted(topics.topics):
        for part in re.split(r"\n\s*\n", topics.topics[name]):
            text = " ".join(part.split())
            if least <= len(text) <= most:
                found.append(text)
    return list(dict.fromkeys(found))


def edited(text, share, seed):
    """The same text with a share of its words replaced by other words of it, or misspelt."""
    rng, words = random.Random(seed), text.split()
    for at in rng.sample(range(len(words)), max(1, round(share * len(words)))):
        word = words[at]
        cut = rng.randrange(len(word))
        words[at] = rng.choice(
            [rng.choice(words), word[:cut] + word[cut + 1 :], word.upper() + "s"]
        )
    return " ".join(words)
