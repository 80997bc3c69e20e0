"""Google's SDK over each kind of upstream."""

import asyncio
import json

import pytest
from google import genai
from google.genai import errors, types

HELLO = "Hello from upstream."
MODELS = ["gpt", "claude", "local", "gem", "command"]
every_model = pytest.mark.parametrize("model", MODELS)
WEATHER = types.FunctionDeclaration(
    name="get_weather",
    description="Weather now",
    parameters=types.Schema(type="OBJECT", properties={"city": types.Schema(type="STRING", nullable=True)}, required=["city"]),
)
TOOLS = [types.Tool(function_declarations=[WEATHER])]
PIXEL = b"\x89PNG\r\n\x1a\n" + b"\0" * 8


@pytest.fixture(scope="module")
def goo(gateway):
    return client(gateway)


def client(gateway, key=None):
    return genai.Client(api_key=key or gateway.key, http_options=types.HttpOptions(base_url=gateway.url, timeout=20_000))


def config(**more):
    return types.GenerateContentConfig(automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True), **more)


@every_model
def test_answer(goo, model):
    answer = goo.models.generate_content(
        model=model, contents="hi", config=config(system_instruction="Be terse.", max_output_tokens=50, temperature=0.2, stop_sequences=["END"])
    )
    assert answer.text == HELLO
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP and answer.candidates[0].content.role == "model"
    usage = answer.usage_metadata
    assert (usage.prompt_token_count, usage.candidates_token_count, usage.total_token_count) == (14, 8, 22)
    assert answer.model_version and answer.response_id


@every_model
def test_stream(goo, model):
    chunks = list(goo.models.generate_content_stream(model=model, contents="hi", config=config()))
    assert "".join(chunk.text or "" for chunk in chunks) == HELLO
    assert len(chunks) > 3, "the stream is a stream"
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP
    assert chunks[-1].usage_metadata.total_token_count == 22
    assert len({chunk.response_id for chunk in chunks}) == 1


@every_model
def test_array(gateway, model):
    """Without `alt=sse` the stream is one JSON array."""
    import httpx

    url = f"{gateway.url}/v1beta/models/{model}:streamGenerateContent?key={gateway.key}"
    body = {"contents": [{"parts": [{"text": "hi"}]}]}
    answer = httpx.post(url, json=body)
    assert answer.headers["content-type"].startswith("application/json")
    chunks = [types.GenerateContentResponse.model_validate(chunk) for chunk in answer.json()]
    assert "".join(chunk.text or "" for chunk in chunks) == HELLO and len(chunks) > 3
    body["contents"][0]["parts"][0]["text"] = "cut"
    *said, last = httpx.post(url, json=body).json()
    assert said and last["error"]["code"] >= 500


@every_model
def test_async(gateway, model):
    async def run():
        models = client(gateway).aio.models
        whole = await models.generate_content(model=model, contents="hi")
        stream = await models.generate_content_stream(model=model, contents="hi")
        return whole.text, "".join([chunk.text or "" async for chunk in stream])

    assert asyncio.run(run()) == (HELLO, HELLO)


def calls_of(contents):
    return [part.function_call for content in contents for part in content.parts or [] if part.function_call]


@every_model
@pytest.mark.parametrize("streamed", [False, True])
def test_parallel_tools(goo, model, streamed):
    history = [types.UserContent("weather?")]
    for _ in range(2):
        if streamed:
            chunks = list(goo.models.generate_content_stream(model=model, contents=history, config=config(tools=TOOLS)))
            said = [chunk.candidates[0].content for chunk in chunks if chunk.candidates[0].content]
        else:
            said = [goo.models.generate_content(model=model, contents=history, config=config(tools=TOOLS)).candidates[0].content]
        calls = calls_of(said)
        if not calls:
            break
        assert [call.args["city"] for call in calls] == ["Paris", "Rome"] and {call.name for call in calls} == {"get_weather"}
        history += said
        # As the SDK's own loop does: results without ids.
        history.append(types.Content(role="user", parts=[types.Part.from_function_response(name=call.name, response={"result": "sunny"}) for call in calls]))
    assert "".join(part.text or "" for content in said for part in content.parts or []) == "It is sunny."


@every_model
@pytest.mark.parametrize("streamed", [False, True])
def test_a_loop_of_six_turns_keeps_signatures(goo, model, streamed):
    thinking = types.ThinkingConfig(thinking_budget=2048, include_thoughts=True) if model == "claude" else None
    chat = goo.chats.create(model=model, config=config(tools=TOOLS, thinking_config=thinking))
    message, turns = "loop", 0
    while True:
        if streamed:
            said = [chunk.candidates[0].content for chunk in chat.send_message_stream(message) if chunk.candidates[0].content]
        else:
            said = [chat.send_message(message).candidates[0].content]
        calls = calls_of(said)
        if not calls:
            break
        turns += 1
        if model in ("claude", "gem"):
            assert any(part.thought_signature for content in said for part in content.parts), "nothing to give back"
        message = [types.Part.from_function_response(name=call.name, response={"result": "sunny"}) for call in calls]
    assert turns == 6
    assert "".join(part.text or "" for content in said for part in content.parts or [] if not part.thought) == "Done after 6."


def test_thoughts(goo):
    thinking = types.ThinkingConfig(thinking_budget=2048, include_thoughts=True)
    answer = goo.models.generate_content(model="claude", contents="think", config=config(thinking_config=thinking))
    thought, text = answer.candidates[0].content.parts
    assert thought.thought and thought.text == "Let me think." and text.text == HELLO and text.thought_signature


@every_model
def test_schema(goo, model):
    schema = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}, "population": {"type": "INTEGER"}}, "required": ["city"]}
    answer = goo.models.generate_content(
        model=model, contents="Paris as json", config=config(response_mime_type="application/json", response_schema=schema)
    )
    assert json.loads(answer.text)["city"] == "Paris"


@pytest.mark.parametrize("model", ["gpt", "claude", "local", "gem"])
def test_image(goo, model):
    parts = [types.Part.from_bytes(data=PIXEL, mime_type="image/png"), types.Part.from_text(text="hi")]
    assert goo.models.generate_content(model=model, contents=parts).text == HELLO


@every_model
def test_count(goo, model):
    count = goo.models.count_tokens(model=model, contents="How many tokens is this?")
    assert count.total_tokens > 3


@pytest.mark.parametrize("model", ["embed", "gem-embed", "co-embed"])
def test_embeddings(goo, model):
    answer = goo.models.embed_content(model=model, contents=["one", "two"])
    assert [embedding.values for embedding in answer.embeddings] == [[1.0, 2.0, 3.0]] * 2


def test_models(goo):
    names = [model.name for model in goo.models.list()]
    assert "models/gpt" in names and "models/claude" in names
    assert goo.models.get(model="gpt").name == "models/gpt"


@every_model
@pytest.mark.parametrize(
    ("status", "name"),
    [(400, "INVALID_ARGUMENT"), (401, "UNAUTHENTICATED"), (403, "PERMISSION_DENIED"), (404, "NOT_FOUND"), (429, "RESOURCE_EXHAUSTED"), (500, None)],
)
def test_errors(goo, model, status, name):
    with pytest.raises(errors.APIError) as failure:
        goo.models.generate_content(model=model, contents=f"fail {status}")
    assert failure.value.code == status and f"Upstream says {status}." in failure.value.message
    assert name is None or failure.value.status == name
    with pytest.raises(errors.APIError) as failure:
        list(goo.models.generate_content_stream(model=model, contents=f"fail {status}"))
    assert failure.value.code == status


@every_model
def test_broken_stream(goo, model):
    chunks = []
    with pytest.raises(errors.APIError):
        for chunk in goo.models.generate_content_stream(model=model, contents="cut"):
            chunks.append(chunk)
    assert not any(chunk.candidates[0].finish_reason for chunk in chunks)


def test_own_mistakes(gateway, goo):
    with pytest.raises(errors.APIError) as failure:
        goo.models.generate_content(model="nobody", contents="hi")
    assert failure.value.code in (400, 404)
    with pytest.raises(errors.ClientError) as failure:
        stranger = client(gateway, "sk-wrong")
        stranger.models.generate_content(model="gpt", contents="hi")
    assert failure.value.code == 401 and failure.value.status == "UNAUTHENTICATED"
