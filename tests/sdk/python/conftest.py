import pathlib
import sys

import anthropic
import openai
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from gateway import Gateway  # noqa: E402


@pytest.fixture(scope="session")
def gateway():
    gateway = Gateway()
    yield gateway
    gateway.stop()


def options(gateway, path=""):
    return {"api_key": gateway.key, "base_url": gateway.url + path, "max_retries": 0, "timeout": 20}


@pytest.fixture(scope="session")
def oai(gateway):
    with openai.OpenAI(**options(gateway, "/v1")) as client:
        yield client


@pytest.fixture(scope="session")
def ant(gateway):
    with anthropic.Anthropic(**options(gateway)) as client:
        yield client


@pytest.fixture
def async_options(gateway):
    return lambda path="": options(gateway, path)
