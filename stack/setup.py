"""The half of the set-up that needs the packages of the other half (bootstrap.py): kernels, Triton's environment.

Ends with a line naming the package to install if this machine could not run the server.
"""

from __future__ import annotations

import sys
from pathlib import Path

from assay.errors import AssayError
from native.build import Failed, build
from stack import triton
from stack.tree import ROOT

ENVIRONMENT = ROOT / ".venv-triton"
BACKENDS = ROOT / "var" / "triton" / "backends"  # the same for every server and every test of this checkout


def backends() -> Path:
    """The folder of the Python backend, complete."""
    return triton.backend_directory(ENVIRONMENT, BACKENDS)


def main() -> None:
    try:
        build()
        triton.install(ENVIRONMENT, ROOT / "requirements" / "triton.txt")
        triton.command(ENVIRONMENT, backends(), BACKENDS, port=0)  # raises if there is no libpython for its stub
    except (AssayError, Failed, OSError) as error:
        sys.exit(f"make setup: {error}")


if __name__ == "__main__":
    main()
