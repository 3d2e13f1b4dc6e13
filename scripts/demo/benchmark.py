"""Items of a benchmark DataNet, made from texts that no adapter was trained on.

Each is one JSON line: a choice among four continuations of a sentence, of which the others come from elsewhere in the
same texts, or a sentence whose last word is missing.
"""

import json
import random
import re

SENTENCE = re.compile(r"(?<=[.!?])\s+")


def sentences(text):
    """Whole sentences of prose: no code, headings, tables or lists."""
    for paragraph in text.split("\n\n"):
        prose = " ".join(paragraph.split())
        if paragraph.startswith((" ", "#", "|", "-", "*", "\t")) or not prose.endswith("."):
            continue
        for sentence in SENTENCE.split(prose):
            if 8 <= len(sentence.split()) <= 40 and sentence[0].isupper():
                yield sentence


def choices(found, rng):
    """Which continuation belongs to the beginning of a sentence."""
    sentence = rng.choice(found)
    words = sentence.split()
    half = len(words) // 2
    others = rng.sample([other for other in found if other != sentence], 3)
    endings = [" ".join(other.split()[-(len(words) - half):]) for other in others]
    right = rng.randrange(4)
    endings.insert(right, " ".join(words[half:]))
    return {"question": " ".join(words[:half]), "choices": endings, "answer": right}


def last_word(found, rng):
    """The word that ends a sentence."""
    words = rng.choice(found).rstrip(".").split()
    return {"prompt": " ".join(words[:-1]), "answer": words[-1]}


def items(texts, count, seed=1):
    """`count` lines, half of each kind; the same for the same texts and seed."""
    found = sorted({sentence for text in texts for sentence in sentences(text)})
    if len(found) < 4:
        raise ValueError(f"the texts have only {len(found)} whole sentences, 4 are needed")
    rng = random.Random(seed)
    makers = (choices, last_word)
    return [json.dumps(makers[number % 2](found, rng)) for number in range(count)]
