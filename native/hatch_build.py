"""Puts the compiled kernels into the wheel: a wheel for this platform, for any Python, since ctypes loads them.

Without a compiler the wheel has none and is for any platform; what then is slow says so when it runs.
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent.parent))

from native.build import Failed, build  # this file is loaded by its path, outside any package


class Kernels(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        try:
            library = build()
        except Failed as error:
            self.app.display_warning(f"no compiled kernels, reproducible operators will be slow: {error}")
            return
        if version == "standard":  # an editable installation has it in place
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
            build_data["force_include"][str(library)] = f"native/lib/{library.name}"
