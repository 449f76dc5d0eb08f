"""What holds for every level of tests."""

from __future__ import annotations

import asyncio
import inspect
import signal

import pytest
from hypothesis import settings

# A busy machine is no defect: no example has a time limit.
settings.register_profile("kedge", deadline=None)
settings.load_profile("kedge")

# A shell gives jobs in its background a deaf ear for ^C, and programs inherit it: those under test must hear it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an `async def` test to its end, in an event loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True
