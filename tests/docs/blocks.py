"""The fenced blocks of our pages, and the commands in them.

```sh         commands for a person to type: their programs, commands and options must exist
```console    `$ command` and what it prints, run as they stand; `…` is any text
```sh live    run against a running marketplace, as is ```python live
```python     must compile, and is run
… together    the page's blocks of these kinds share a folder, the Python first
… torch       need packages of no lock: run by `make guides`, in an environment of their own
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.docs.repository import markdown

BLOCK = re.compile(r"^```([^\n`]*)\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)
ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*=")
SEPARATORS = {"|", "&&", "||", ";", "&", "(", ")"}  # `$(…)` is a command too
KEYWORDS = {"do", "done", "then", "else", "fi"}


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(*kinds: str) -> list[Block]:
    """The blocks of these kinds in all pages; of every kind if none is named."""
    every = [block for page, text in sorted(markdown().items()) for block in of(page, text)]
    return [block for block in every if not kinds or block.kind in kinds]


def of(page: Path, text: str) -> Iterator[Block]:
    for match in BLOCK.finditer(text):
        yield Block(page, text.count("\n", 0, match.start()) + 1, match[1].strip(), match[2])


def commands(text: str) -> list[list[str]]:
    """Each command as words; comments, assignments and redirections are dropped, pipelines split."""
    joined = re.sub(r"\\\n\s*", " ", text)
    found: list[list[str]] = []
    for line in _whole_lines(joined):
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        lexer.commenters = "#"
        words: list[str] = []
        for word in [*lexer, ";"]:
            if word in SEPARATORS:
                command = _plain(words)
                found += [command] if command and command[0] != "for" else []
                words = []
            else:
                words.append(word)
    return found


def _whole_lines(text: str) -> Iterator[str]:
    """Lines, those joined that an open quote or a here-document joins."""
    waiting, end = "", None
    for line in text.splitlines():
        if end is not None:
            end = None if line.strip() == end else end
            continue
        waiting += line + "\n"
        try:
            shlex.split(waiting, comments=True)
        except ValueError:
            continue
        if here := re.search(r"<<-?\s*(['\"]?)(\w+)\1", waiting):
            end = here[2]
            waiting = waiting.replace(here[0], "")
        yield waiting.strip()
        waiting = ""
    assert not waiting, f"a quote is never closed: {waiting!r}"


def _plain(words: list[str]) -> list[str]:
    """Without redirections, without assignments and keywords before the program."""
    kept: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif re.fullmatch(r"\d?[<>]{1,2}&?", word):
            skip = True
        elif kept or not (ASSIGNMENT.match(word) or word in KEYWORDS):
            kept.append(word)
    return kept
