"""Anthropic's SDK over each kind of upstream."""

import asyncio

import anthropic
import pytest
from pydantic import BaseModel

HELLO = "Hello from upstream."
MODELS = ["claude", "local", "gpt", "gem", "command", "us.amazon.nova-pro-v1:0"]
every_model = pytest.mark.parametrize("model", MODELS)
TOOL = {"name": "get_weather", "description": "Weather now", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}


def ask(text, model, **more):
    return {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": text}], **more}


@every_model
def test_answer(ant, model):
    answer = ant.messages.create(**ask("hi", model, system="Be terse.", stop_sequences=["\n\n"]))
    assert answer.content[0].text == HELLO
    assert answer.stop_reason == "end_turn" and answer.type == "message" and answer.role == "assistant"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (14, 8)


@every_model
def test_stream(ant, model):
    with ant.messages.stream(**ask("hi", model)) as stream:
        assert "".join(stream.text_stream) == HELLO
        final = stream.get_final_message()
    assert final.content[0].text == HELLO and final.stop_reason == "end_turn"
    assert final.usage.output_tokens == 8


@every_model
def test_raw_stream(ant, model):
    types = [event.type for event in ant.messages.create(**ask("hi", model), stream=True)]
    assert types[0] == "message_start" and types[-1] == "message_stop"
    assert types.count("content_block_start") == types.count("content_block_stop") == 1


@every_model
def test_async(async_options, model):
    async def run():
        async with anthropic.AsyncAnthropic(**async_options()) as client:
            whole = await client.messages.create(**ask("hi", model))
            async with client.messages.stream(**ask("hi", model)) as stream:
                text = "".join([piece async for piece in stream.text_stream])
            return whole.content[0].text, text

    assert asyncio.run(run()) == (HELLO, HELLO)


@every_model
def test_tool_loop(ant, model):
    first = ant.messages.create(**ask("weather?", model, tools=[TOOL]))
    uses = [b for b in first.content if b.type == "tool_use"]
    assert first.stop_reason == "tool_use"
    assert [u.input["city"] for u in uses] == ["Paris", "Rome"]
    results = [{"type": "tool_result", "tool_use_id": u.id, "content": "sunny"} for u in uses]
    request = ask("weather?", model, tools=[TOOL])
    request["messages"] += [{"role": "assistant", "content": [b.model_dump(exclude_none=True) for b in first.content]}, {"role": "user", "content": results}]
    assert ant.messages.create(**request).content[0].text == "It is sunny."


@every_model
def test_streamed_tools(ant, model):
    with ant.messages.stream(**ask("weather?", model, tools=[TOOL])) as stream:
        final = stream.get_final_message()
    uses = [b for b in final.content if b.type == "tool_use"]
    assert [u.input["city"] for u in uses] == ["Paris", "Rome"] and len({u.id for u in uses}) == 2
    assert final.stop_reason == "tool_use"


def test_thinking(ant):
    request = ask("think", "claude", thinking={"type": "enabled", "budget_tokens": 1024})
    request["max_tokens"] = 4000
    answer = ant.messages.create(**request)
    assert answer.content[0].thinking == "Let me think." and answer.content[0].signature == "c2lnbmF0dXJl"
    with ant.messages.stream(**request) as stream:
        final = stream.get_final_message()
    assert final.content[0].signature == "c2lnbmF0dXJl" and final.content[1].text == HELLO


@every_model
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.AuthenticationError),
        (402, anthropic.PaymentRequiredError),
        (403, anthropic.PermissionDeniedError),
        (404, anthropic.NotFoundError),
        (408, anthropic.RequestTimeoutError),
        (409, anthropic.ConflictError),
        (413, anthropic.RequestTooLargeError),
        (422, anthropic.UnprocessableEntityError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (502, anthropic.InternalServerError),
        (503, anthropic.ServiceUnavailableError),
        (504, anthropic.DeadlineExceededError),
    ],
)
def test_errors(ant, model, status, error):
    for stream in (False, True):
        with pytest.raises(error) as failure:
            ant.messages.create(**ask(f"fail {status}", model), stream=stream)
        assert failure.value.status_code == status
        assert failure.value.body["type"] == "error"
        assert f"Upstream says {status}." in failure.value.body["error"]["message"]


@every_model
def test_broken_stream(ant, model):
    with pytest.raises(anthropic.APIError):
        for _ in ant.messages.create(**ask("cut", model), stream=True):
            pass


def test_own_mistakes(ant, async_options):
    with pytest.raises(anthropic.APIStatusError) as failure:
        ant.messages.create(**ask("hi", "nobody"))
    assert failure.value.status_code in (400, 404) and failure.value.body["type"] == "error"
    with pytest.raises(anthropic.AuthenticationError):
        anthropic.Anthropic(**{**async_options(), "api_key": "sk-wrong"}).messages.create(**ask("hi", "claude"))


@every_model
def test_timeouts(ant, model):
    for stream in (False, True):
        with pytest.raises(anthropic.APITimeoutError):
            ant.with_options(timeout=0.4).messages.create(**ask("slow", model), stream=stream)
        with pytest.raises(anthropic.APIStatusError) as failure:
            ant.messages.create(**ask("slow", model), stream=stream, extra_body={"timeout": 0.4})
        assert failure.value.status_code == 408 and failure.value.body["error"]["type"] == "timeout_error"


class City(BaseModel):
    city: str
    population: int


@every_model
def test_parse(ant, model):
    paris = City(city="Paris", population=2102650)
    assert ant.messages.parse(**ask("Paris as json", model), output_format=City).parsed_output == paris
    with ant.messages.stream(**ask("Paris as json", model), output_format=City) as stream:
        assert stream.get_final_message().parsed_output == paris


@every_model
def test_raw_response(ant, model):
    raw = ant.messages.with_raw_response.create(**ask("hi", model))
    assert raw.headers["x-litellm-call-id"] and raw.headers["x-litellm-model-group"] == model
    assert raw.parse().content[0].text == HELLO


@every_model
def test_count_tokens(ant, model):
    request = ask("hi", model)
    del request["max_tokens"]
    count = ant.messages.count_tokens(**request).input_tokens
    assert count == 17 if model == "claude" else count > 0


def test_demo(ant):
    answer = ant.messages.create(**ask("ping", "demo"))
    assert "ping" in answer.content[0].text
    with ant.messages.stream(**ask("ping", "demo")) as stream:
        assert "".join(stream.text_stream) == answer.content[0].text
