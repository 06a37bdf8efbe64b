"""Makes redis-py's tests, whose clients come from a URL, speak TLS; loaded by pytest as a plugin.

`--redis-url` is a rediss:// one. That alone does not do: the synchronous fixtures force the class of plain connections upon
every URL, and what builds a plain connection itself from the URL's host and port needs the plain port.
"""

import os

import pytest

PLAIN_URL = os.environ["KV_COMPAT_PLAIN_URL"]
PLAIN_FIXTURES = ("master_host", "connect_args")


def pytest_sessionstart():
    from tests import conftest

    conftest.Connection = conftest.SSLConnection


@pytest.hookimpl(hookwrapper=True)
def pytest_fixture_setup(fixturedef, request):
    option = request.config.option
    secure_url = option.redis_url
    if fixturedef.argname in PLAIN_FIXTURES:
        option.redis_url = PLAIN_URL
    yield
    option.redis_url = secure_url
