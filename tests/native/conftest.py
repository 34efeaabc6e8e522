"""Every test that asks for `kernels` runs on every instruction set that this machine has kernels for."""

import pytest

from tests.native import machines


@pytest.fixture(params=machines.every(), ids=lambda kernels: kernels.isa)
def kernels(request):
    return request.param
