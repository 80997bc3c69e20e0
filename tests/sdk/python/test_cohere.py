"""Cohere's SDK over each kind of upstream."""

import asyncio
import json
import urllib.request

import cohere
import pytest

HELLO = "Hello from upstream."
MODELS = ["gpt", "claude", "local", "gem", "command"]
every_model = pytest.mark.parametrize("model", MODELS)
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "Weather now", "parameters": PARAMETERS}}]


@pytest.fixture(scope="module")
def co(gateway):
    return client(gateway)


def client(gateway, key=None):
    return cohere.ClientV2(api_key=key or gateway.key, base_url=gateway.url, timeout=20)


def user(text):
    return [{"role": "user", "content": text}]


@every_model
def test_answer(co, model):
    answer = co.chat(model=model, messages=[{"role": "system", "content": "Be terse."}] + user("hi"), max_tokens=50, temperature=0.2)
    assert [part.text for part in answer.message.content] == [HELLO]
    assert answer.finish_reason == "COMPLETE" and answer.id and answer.message.role == "assistant"
    assert (answer.usage.tokens.input_tokens, answer.usage.tokens.output_tokens) == (14, 8)


@every_model
def test_stream(co, model):
    events = list(co.chat_stream(model=model, messages=user("hi")))
    assert all(type(event).__name__.endswith("Response") or type(event).__name__.endswith("Event") or event.type for event in events)
    types = [event.type for event in events]
    assert types[0] == "message-start" and types[-1] == "message-end"
    assert types.count("content-start") == types.count("content-end") == 1
    assert "".join(event.delta.message.content.text for event in events if event.type == "content-delta") == HELLO
    assert events[-1].delta.finish_reason == "COMPLETE" and events[-1].delta.usage.tokens.output_tokens == 8


@every_model
def test_async(gateway, model):
    async def run():
        async with cohere.AsyncClientV2(api_key=gateway.key, base_url=gateway.url) as own:
            whole = await own.chat(model=model, messages=user("hi"))
            text = [e.delta.message.content.text async for e in own.chat_stream(model=model, messages=user("hi")) if e.type == "content-delta"]
            return whole.message.content[0].text, "".join(text)

    assert asyncio.run(run()) == (HELLO, HELLO)


def streamed(co, **request):
    """The message of a stream, put together as Cohere's documentation has it."""
    content, plan, calls, reason = "", "", {}, None
    for event in co.chat_stream(**request):
        match event.type:
            case "content-delta":
                content += event.delta.message.content.text or ""
            case "tool-plan-delta":
                plan += event.delta.message.tool_plan
            case "tool-call-start":
                assert event.index not in calls
                calls[event.index] = event.delta.message.tool_calls.model_dump(exclude_none=True)
            case "tool-call-delta":
                calls[event.index]["function"]["arguments"] += event.delta.message.tool_calls.function.arguments
            case "message-end":
                reason = event.delta.finish_reason
    message = {"role": "assistant"}
    if calls:
        message["tool_calls"] = [calls[index] for index in sorted(calls)]
        if plan:
            message["tool_plan"] = plan
    else:
        message["content"] = content
    return message, reason


def whole(co, **request):
    answer = co.chat(**request)
    return answer.message.model_dump(exclude_none=True), answer.finish_reason


@every_model
@pytest.mark.parametrize("ask", [whole, streamed])
def test_parallel_tools(co, model, ask):
    messages = user("weather?")
    message, reason = ask(co, model=model, messages=messages, tools=TOOLS)
    assert reason == "TOOL_CALL"
    calls = message["tool_calls"]
    assert [json.loads(call["function"]["arguments"])["city"] for call in calls] == ["Paris", "Rome"] and len({call["id"] for call in calls}) == 2
    messages += [message] + [{"role": "tool", "tool_call_id": call["id"], "content": "sunny"} for call in calls]
    message, reason = ask(co, model=model, messages=messages, tools=TOOLS)
    text = message["content"] if ask is streamed else message["content"][0]["text"]
    assert (text, reason) == ("It is sunny.", "COMPLETE")


@pytest.mark.parametrize("model", ["gpt", "local", "gem", "command"])
@pytest.mark.parametrize("ask", [whole, streamed])
def test_a_loop_of_six_turns(co, model, ask):
    """Gemini's signatures travel in the ids of calls."""
    messages, turns = user("loop"), 0
    while True:
        message, reason = ask(co, model=model, messages=messages, tools=TOOLS)
        if reason != "TOOL_CALL":
            break
        turns += 1
        messages += [message] + [{"role": "tool", "tool_call_id": call["id"], "content": "sunny"} for call in message["tool_calls"]]
    text = message["content"] if ask is streamed else message["content"][-1]["text"]
    assert (turns, text) == (6, "Done after 6.")


def test_signatures(gateway, co):
    """What Claude has signed comes in a member that Cohere's API does not know and its SDK keeps."""
    first = co.chat(model="claude", messages=user("think"), thinking={"type": "enabled", "token_budget": 1024}, max_tokens=4000)
    thought = first.message.content[0]
    assert (thought.type, thought.thinking, thought.signature) == ("thinking", "Let me think.", "c2lnbmF0dXJl")
    co.chat(model="claude", messages=[*user("think"), first.message, *user("hi")])
    with urllib.request.urlopen(gateway.upstream_url + "/seen") as answer:
        assert "c2lnbmF0dXJl" in json.load(answer)["body"]
    events = list(co.chat_stream(model="claude", messages=user("think"), thinking={"type": "enabled", "token_budget": 1024}, max_tokens=4000))
    deltas = [event.delta.message.content for event in events if event.type == "content-delta"]
    assert [delta.signature for delta in deltas if getattr(delta, "signature", None)] == ["c2lnbmF0dXJl"]


@every_model
def test_schema(co, model):
    schema = {"type": "object", "properties": {"city": {"type": "string"}, "population": {"type": "integer"}}, "required": ["city"]}
    answer = co.chat(model=model, messages=user("Paris as json"), response_format={"type": "json_object", "schema": schema})
    assert json.loads(answer.message.content[0].text)["city"] == "Paris"


@pytest.mark.parametrize("model", ["embed", "gem-embed", "co-embed"])
def test_embeddings(co, model):
    answer = co.embed(model=model, texts=["one", "two"], input_type="search_document", embedding_types=["float"])
    assert answer.embeddings.float_ == [[1.0, 2.0, 3.0]] * 2


@every_model
@pytest.mark.parametrize(
    ("status", "error"),
    [(400, cohere.BadRequestError), (401, cohere.UnauthorizedError), (403, cohere.ForbiddenError), (404, cohere.NotFoundError), (429, cohere.TooManyRequestsError), (500, cohere.InternalServerError)],
)
def test_errors(co, model, status, error):
    for call in (lambda: co.chat(model=model, messages=user(f"fail {status}"), request_options={"max_retries": 0}), lambda: list(co.chat_stream(model=model, messages=user(f"fail {status}"), request_options={"max_retries": 0}))):
        with pytest.raises(error) as failure:
            call()
        body = failure.value.body if isinstance(failure.value.body, dict) else failure.value.body.model_dump()
        assert failure.value.status_code == status and f"Upstream says {status}." in body["message"]


@pytest.mark.parametrize("model", ["gpt", "claude", "local", "gem"])
def test_broken_stream(co, model):
    last = list(co.chat_stream(model=model, messages=user("cut")))[-1]
    assert last.type == "message-end" and last.delta.finish_reason == "ERROR"


def test_own_mistakes(gateway, co):
    with pytest.raises(cohere.core.ApiError) as failure:
        co.chat(model="nobody", messages=user("hi"))
    assert failure.value.status_code in (400, 404)
    with pytest.raises(cohere.UnauthorizedError):
        client(gateway, "sk-wrong").chat(model="gpt", messages=user("hi"))
