"""OpenAI's SDK over each kind of upstream."""

import asyncio
import json

import openai
import pytest
from pydantic import BaseModel

HELLO = "Hello from upstream."
MODELS = ["gpt", "claude", "local", "groq", "gem", "command", "us.amazon.nova-pro-v1:0"]
every_model = pytest.mark.parametrize("model", MODELS)
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "Weather now", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}


def user(text):
    return [{"role": "user", "content": text}]


@every_model
def test_answer(oai, model):
    answer = oai.chat.completions.create(model=model, messages=user("hi"), temperature=0.3, max_tokens=50)
    assert answer.choices[0].message.content == HELLO
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (14, 8, 22)
    assert answer.object == "chat.completion" and answer.id and answer.created


@every_model
def test_stream(oai, model):
    chunks = list(oai.chat.completions.create(model=model, messages=user("hi"), stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == HELLO
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert all(c.usage is None for c in chunks), "usage was not asked for"


@every_model
def test_stream_usage(oai, model):
    chunks = list(oai.chat.completions.create(model=model, messages=user("hi"), stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].usage.total_tokens == 22 and not chunks[-1].choices


@every_model
def test_async(async_options, model):
    async def run():
        async with openai.AsyncOpenAI(**async_options("/v1")) as client:
            whole, stream = await asyncio.gather(
                client.chat.completions.create(model=model, messages=user("hi")),
                client.chat.completions.create(model=model, messages=user("hi"), stream=True),
            )
            text = "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])
            return whole.choices[0].message.content, text

    assert asyncio.run(run()) == (HELLO, HELLO)


@every_model
def test_tool_loop(oai, model):
    messages = user("What is the weather in Paris and Rome?")
    first = oai.chat.completions.create(model=model, messages=messages, tools=[TOOL], tool_choice="auto")
    calls = first.choices[0].message.tool_calls
    assert first.choices[0].finish_reason == "tool_calls"
    assert [c.function.name for c in calls] == ["get_weather"] * 2
    assert [json.loads(c.function.arguments)["city"] for c in calls] == ["Paris", "Rome"]
    messages += [first.choices[0].message.model_dump(exclude_none=True)]
    messages += [{"role": "tool", "tool_call_id": c.id, "content": "sunny"} for c in calls]
    second = oai.chat.completions.create(model=model, messages=messages, tools=[TOOL])
    assert second.choices[0].message.content == "It is sunny."


@every_model
def test_streamed_tools(oai, model):
    with oai.chat.completions.stream(model=model, messages=user("weather?"), tools=[TOOL]) as stream:
        for _ in stream:
            pass
        message = stream.get_final_completion().choices[0].message
    assert [json.loads(c.function.arguments)["city"] for c in message.tool_calls] == ["Paris", "Rome"]
    assert len({c.id for c in message.tool_calls}) == 2


class City(BaseModel):
    city: str
    population: int


@every_model
def test_parse(oai, model):
    answer = oai.chat.completions.parse(model=model, messages=user("Paris as json"), response_format=City)
    assert answer.choices[0].message.parsed == City(city="Paris", population=2102650)


@every_model
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (402, openai.APIStatusError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (408, openai.APIStatusError),
        (409, openai.ConflictError),
        (413, openai.APIStatusError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (502, openai.InternalServerError),
        (503, openai.InternalServerError),
        (504, openai.InternalServerError),
    ],
)
def test_errors(oai, model, status, error):
    for stream in (False, True):
        with pytest.raises(error) as failure:
            oai.chat.completions.create(model=model, messages=user(f"fail {status}"), stream=stream)
        assert failure.value.status_code == status
        assert f"Upstream says {status}." in failure.value.message
        assert failure.value.type and failure.value.code == str(status)
        assert failure.value.response.headers.get("retry-after") == ("7" if status == 429 else None)
        assert failure.value.body["provider_specific_fields"]["request_id"] == "req_up"


def test_overloaded(oai):
    # Anthropic's own status for it is one that OpenAI's clients do not know.
    with pytest.raises(openai.InternalServerError) as failure:
        oai.chat.completions.create(model="claude", messages=user("fail 529"))
    assert failure.value.status_code == 503


@every_model
def test_broken_stream(oai, model):
    with pytest.raises(openai.APIError):
        for _ in oai.chat.completions.create(model=model, messages=user("cut"), stream=True):
            pass


def test_own_mistakes(oai, async_options):
    with pytest.raises(openai.BadRequestError):
        oai.chat.completions.create(model="nobody", messages=user("hi"))
    with pytest.raises(openai.BadRequestError):
        oai.chat.completions.create(model="claude", messages="not a list")
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(**{**async_options("/v1"), "api_key": "sk-wrong"}).chat.completions.create(model="gpt", messages=user("hi"))


@every_model
def test_timeouts(oai, model):
    for stream in (False, True):
        with pytest.raises(openai.APITimeoutError):
            oai.with_options(timeout=0.4).chat.completions.create(model=model, messages=user("slow"), stream=stream)
        with pytest.raises(openai.APIStatusError) as failure:
            oai.chat.completions.create(model=model, messages=user("slow"), stream=stream, extra_body={"timeout": 0.4})
        assert failure.value.status_code == 408 and "0.4 s" in failure.value.message
    with pytest.raises(openai.APIStatusError) as failure:
        oai.chat.completions.create(model=model, messages=user("slow"), stream=True, extra_body={"stream_timeout": 0.4})
    assert failure.value.status_code == 408


@every_model
def test_parse_stream(oai, model):
    with oai.chat.completions.stream(model=model, messages=user("Paris as json"), response_format=City) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.parsed == City(city="Paris", population=2102650)


@every_model
def test_raw_response(oai, model):
    raw = oai.chat.completions.with_raw_response.create(model=model, messages=user("hi"))
    assert raw.headers["x-litellm-call-id"] and raw.headers["x-litellm-model-id"]
    assert raw.headers["x-litellm-model-group"] == model
    assert raw.headers["llm_provider-x-ratelimit-remaining-requests"] == "41"
    if model != "local":  # a local model has no price
        assert float(raw.headers["x-litellm-response-cost"]) > 0
    assert raw.parse().choices[0].message.content == HELLO


def test_completions(oai):
    answer = oai.completions.create(model="instruct", prompt="hi")
    assert answer.choices[0].text == HELLO
    text = "".join(c.choices[0].text for c in oai.completions.create(model="instruct", prompt="hi", stream=True) if c.choices)
    assert text == HELLO


def test_models(oai):
    names = {m.id for m in oai.models.list()}
    assert {"gpt", "claude", "local", "demo"} <= names
    assert oai.models.retrieve("gpt").id == "gpt"
    with pytest.raises(openai.NotFoundError):
        oai.models.retrieve("nobody")


def test_demo(oai):
    answer = oai.chat.completions.create(model="demo", messages=user("ping"))
    assert "ping" in answer.choices[0].message.content and answer.usage.total_tokens > 0
    text = "".join(c.choices[0].delta.content or "" for c in oai.chat.completions.create(model="demo", messages=user("ping"), stream=True) if c.choices)
    assert text == answer.choices[0].message.content
    called = oai.chat.completions.create(model="demo", messages=user("weather"), tools=[TOOL])
    assert called.choices[0].message.tool_calls[0].function.name == "get_weather"
    assert oai.completions.create(model="demo", prompt="ping").choices[0].text == text
    assert "".join(c.choices[0].text for c in oai.completions.create(model="demo", prompt="ping", stream=True) if c.choices) == text


def test_thinking(oai):
    answer = oai.chat.completions.create(model="claude", messages=user("think"), reasoning_effort="low")
    message = answer.choices[0].message
    assert message.reasoning_content == "Let me think."
    assert message.thinking_blocks[0]["signature"] == "c2lnbmF0dXJl"
    assert message.content == HELLO
