"""Every test that asks for `kernels` runs on every instruction set that this machine has kernels for."""

import pytest

from native import library


@pytest.fixture(params=library.supported())
def kernels(request):
    return library.load(request.param)
