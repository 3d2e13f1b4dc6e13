"""The metrics that a PromQL expression names. promtool checks its grammar."""

import re

WORDS = {
    "and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "offset", "bool", "inf", "nan",
}


def metrics(expression):
    """Names of all series that the expression reads."""
    text = re.sub(r'"(\\.|[^"\\])*"', '""', expression)
    text = re.sub(r"\{[^}]*\}", " ", text)
    text = re.sub(r"\[[^\]]*\]", " ", text)
    # What labels are grouped or matched by.
    text = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", text)
    named = re.findall(r"(?<![\w:$.])([A-Za-z_:][\w:]*)(?!\s*\()(?![\w:])", text)
    return {name for name in named if name.lower() not in WORDS}
