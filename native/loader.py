"""The compiled kernels of this machine, for its best instruction set or the one that ASSAY_KERNELS names."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, TypeAlias

from assay.errors import Unavailable
from assay.operators.arithmetic import Array
from native import build

VARIABLE = "ASSAY_KERNELS"
HINT = "apt-get install gcc libc6-dev; then make setup, or python -m native.build"

# An integer; the memory of an array, or NULL; a table of such. Kernels take nothing else.
Argument: TypeAlias = int | Array | Sequence[Array | None] | None


class Kernels(Protocol):
    """The kernels for one instruction set."""

    isa: str

    def call(self, name: str, *arguments: Argument) -> int:
        """What the kernel gives, 0 or more. Nothing is checked: a wrong argument is wild memory access. It runs
        without the interpreter's lock. Raises MemoryError.
        """

    def bind(self, name: str, *arguments: Argument) -> Callable[[], int]:
        """`call`, to be made again and again: arguments are converted now, and their memory is kept."""


class Library:
    """Kernels in this process."""

    def __init__(self, dll: ctypes.CDLL, isa: str) -> None:
        self.isa = isa
        self._dll = dll

    def call(self, name: str, *arguments: Argument) -> int:
        return self.bind(name, *arguments)()

    def bind(self, name: str, *arguments: Argument) -> Callable[[], int]:
        function = self._dll[f"{name}_{self.isa}"]
        function.restype = ctypes.c_int64
        return _Call(name, function, tuple(map(_as_c, arguments)), arguments)


@dataclass(frozen=True)
class _Call:
    """`arguments`: the memory that `given` points to lives as long."""

    name: str
    function: Callable[..., int]
    given: tuple[Any, ...]
    arguments: tuple[Argument, ...]

    def __call__(self) -> int:
        made = self.function(*self.given)
        if made < 0:
            raise MemoryError(f"scratch memory of {self.name}")
        return made


def _as_c(argument: Argument) -> Any:
    if argument is None:
        return ctypes.c_void_p(None)
    if isinstance(argument, int):
        return ctypes.c_int64(argument)
    if isinstance(argument, Sequence):
        table = [None if each is None else each.ctypes.data for each in argument]
        return (ctypes.c_void_p * len(table))(*table)
    return ctypes.c_void_p(argument.ctypes.data)


def supported() -> tuple[str, ...]:
    """The instruction sets that this machine has kernels for, best first. Raises Unavailable."""
    dll = _open()
    return tuple(isa for isa in build.instruction_sets(platform.machine()) if dll.supports(isa.encode()))


@lru_cache
def load(isa: str | None = None) -> Library:
    """Raises Unavailable, with what to install: the caller then has the plain operators, which are slow."""
    sets = supported()
    isa = isa or os.environ.get(VARIABLE) or sets[0]
    if isa not in sets:
        raise Unavailable(
            "this machine has no such instruction set", code="no-kernels", expected=" | ".join(sets), got=isa
        )
    return Library(_open(), isa)


@lru_cache
def _open() -> ctypes.CDLL:
    path = build.path_of(platform.machine())
    try:
        dll = ctypes.CDLL(str(path))
        made_from = ctypes.string_at(ctypes.addressof(ctypes.c_char.in_dll(dll, "made_from"))).decode()
    except (OSError, ValueError) as error:
        raise Unavailable(f"no compiled kernels: {error}", code="no-kernels", hint=HINT) from None
    if made_from.split()[0] != build.sources():
        raise Unavailable(f"{path} was not made from the sources that are here", code="no-kernels", hint=HINT)
    return dll
