"""The kernels of another processor, emulated: NEON, where the machine has none.

A program of that processor (emulated.c) runs under qemu, is sent each call with the memory it concerns, and sends
back what the kernel made of it.
"""

import ctypes
import shutil
import struct
import subprocess
import tempfile
import threading
from pathlib import Path

import numpy as np

from native.build import build

COMPILER, EMULATOR, SYSTEM = "aarch64-linux-gnu-gcc", "qemu-aarch64-static", "/usr/aarch64-linux-gnu"
INTEGER, NOTHING, MEMORY, TABLE = range(4)


class Emulated:
    """`native.loader.Kernels` for NEON. Raises RuntimeError if something has to be installed."""

    isa = "neon"

    def __init__(self):
        if not (shutil.which(COMPILER) and shutil.which(EMULATOR)):
            raise RuntimeError("NEON cannot be emulated: apt-get install gcc-aarch64-linux-gnu qemu-user-static")
        self.one_at_a_time = threading.Lock()
        self.folder = tempfile.TemporaryDirectory()
        program = Path(self.folder.name) / "emulated"
        source = Path(__file__).with_suffix(".c")
        subprocess.run([COMPILER, "-O1", "-Wall", "-Wextra", source, "-o", program], check=True)
        command = [EMULATOR, "-L", SYSTEM, program, build(COMPILER)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def call(self, name, *arguments):
        memories = []
        sent = [_text(f"{name}_{self.isa}"), struct.pack("<q", len(arguments))]
        sent += [_sent(each, memories) for each in arguments]
        with self.one_at_a_time:
            self.process.stdin.write(b"".join(sent))
            self.process.stdin.flush()
            (made,) = struct.unpack("<q", self._received(8))
            for array, low, size in memories:
                content = self._received(size)
                if array.flags.writeable:
                    ctypes.memmove(low, content, size)
        return made

    def bind(self, name, *arguments):
        return lambda: self.call(name, *arguments)

    def _received(self, size):
        content = self.process.stdout.read(size)
        if len(content) != size:
            raise RuntimeError(f"the emulated program ended with {self.process.wait()}")
        return content


def _text(text):
    return struct.pack("<q", len(text)) + text.encode()


def _sent(argument, memories):
    if argument is None:
        return struct.pack("<q", NOTHING)
    if isinstance(argument, int):
        return struct.pack("<qq", INTEGER, argument)
    if isinstance(argument, np.ndarray):
        low, high = np.lib.array_utils.byte_bounds(argument) if argument.size else (argument.ctypes.data,) * 2
        memories.append((argument, low, high - low))
        head = struct.pack("<qqq", MEMORY, high - low, argument.ctypes.data - low)
        return head + ctypes.string_at(low, high - low)
    return struct.pack("<qq", TABLE, len(argument)) + b"".join(_sent(each, memories) for each in argument)
