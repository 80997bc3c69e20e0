"""OpenAI's SDK with the Responses API: natively kept (gpt), relayed (local), and translated (all others)."""

import time

import openai
import pytest
from openai.types.responses import ResponseStreamEvent
from pydantic import BaseModel, TypeAdapter

HELLO = "Hello from upstream."
EVERY = ["gpt", "local", "claude", "seek", "gem", "command", "us.amazon.nova-pro-v1:0"]
every_model = pytest.mark.parametrize("model", EVERY)
OURS = pytest.mark.parametrize("model", ["local", "claude", "seek", "gem", "command"])
TRANSLATED = pytest.mark.parametrize("model", ["claude", "seek", "gem", "command"])
TOOL = {"type": "function", "name": "get_weather", "description": "Weather now", "strict": False, "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
EVENTS = TypeAdapter(ResponseStreamEvent)


def calls(response):
    return [item for item in response.output if item.type == "function_call"]


def outputs(response):
    return [{"type": "function_call_output", "call_id": call.call_id, "output": "sunny"} for call in calls(response)]


@every_model
def test_answer(oai, model):
    answer = oai.responses.create(model=model, input="hi", temperature=0.3, max_output_tokens=50)
    assert answer.output_text == HELLO
    assert answer.status == "completed" and answer.object == "response" and answer.model == model
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (14, 8, 22)
    assert [item.type for item in answer.output] == ["message"]


@every_model
def test_instructions_and_items(oai, model):
    parts = [{"type": "input_text", "text": "hi"}, {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "auto"}]
    answer = oai.responses.create(model=model, instructions="Be terse.", input=[{"role": "user", "content": parts}])
    assert answer.output_text == HELLO


@every_model
def test_stream(oai, model):
    with oai.responses.stream(model=model, input="hi") as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert events[0].type == "response.created" and events[-1].type == "response.completed"
    assert final.output_text == HELLO
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == HELLO
    assert final.usage.total_tokens == 22
    numbers = [event.sequence_number for event in events if hasattr(event, "sequence_number")]
    assert numbers == sorted(set(numbers))


@TRANSLATED
@pytest.mark.parametrize("said", ["hi", "weather?", "think"])
def test_every_event_is_of_its_own_type(oai, model, said):
    raw = oai.responses.with_streaming_response.create(model=model, input=said, tools=[TOOL], stream=True)
    lines = []
    with raw as response:
        lines = [line[6:] for line in response.iter_lines() if line.startswith("data: ")]
    events = [EVENTS.validate_json(line, strict=True) for line in lines]
    assert all(type(event).__name__ != "BaseModel" for event in events)
    end = events[-1].response
    done = sorted((event.output_index, event.item) for event in events if event.type == "response.output_item.done")
    assert [item.model_dump() for _, item in done] == [item.model_dump() for item in end.output]
    whole = oai.responses.create(model=model, input=said, tools=[TOOL])
    sealed = lambda key, value: value.replace(" ", "") if key == "encrypted_content" and value else value
    made = {"id", "call_id"} if model == "gem" else {"id"}  # Gemini's calls have no ids of their own.
    strip = lambda item: {key: sealed(key, value) for key, value in item.model_dump().items() if key not in made}
    assert [strip(item) for item in whole.output] == [strip(item) for item in end.output]
    assert whole.usage == end.usage and whole.status == end.status


@every_model
def test_tool_loop(oai, model):
    said = [{"role": "user", "content": "What is the weather in Paris and Rome?"}]
    first = oai.responses.create(model=model, input=said, tools=[TOOL])
    assert [call.name for call in calls(first)] == ["get_weather", "get_weather"]
    assert all("city" in call.arguments for call in calls(first))
    second = oai.responses.create(model=model, input=[*said, *first.output, *outputs(first)], tools=[TOOL])
    assert second.output_text == "It is sunny."


@every_model
def test_tool_loop_by_id(oai, model):
    first = oai.responses.create(model=model, input="weather?", tools=[TOOL])
    second = oai.responses.create(model=model, previous_response_id=first.id, input=outputs(first), tools=[TOOL])
    assert second.output_text == "It is sunny."
    assert second.previous_response_id == first.id


@every_model
def test_streamed_tools(oai, model):
    with oai.responses.stream(model=model, input="weather?", tools=[TOOL]) as stream:
        final = stream.get_final_response() if list(stream) else None
    assert [call.call_id for call in calls(final)] and len(calls(final)) == 2
    second = oai.responses.create(model=model, previous_response_id=final.id, input=outputs(final), tools=[TOOL])
    assert second.output_text == "It is sunny."


@pytest.mark.parametrize("model", ["claude", "seek"])
def test_structured(oai, model):
    class City(BaseModel):
        city: str
        population: int

    parsed = oai.responses.parse(model=model, input="json please", text_format=City).output_parsed
    assert parsed == City(city="Paris", population=2102650)


def test_reasoning_and_its_signature(oai):
    first = oai.responses.create(model="claude", input="think", reasoning={"effort": "low"}, max_output_tokens=9000)
    reasoning = first.output[0]
    assert reasoning.type == "reasoning" and reasoning.summary[0].text == "Let me think."
    assert "c2lnbmF0dXJl" in reasoning.encrypted_content
    second = oai.responses.create(model="claude", input=[{"role": "user", "content": "think"}, *first.output, {"role": "user", "content": "hi"}])
    assert second.status == "completed"


@every_model
def test_conversation_is_remembered(oai, model):
    first = oai.responses.create(model=model, input="My name is Ada.")
    second = oai.responses.create(model=model, input="hi", previous_response_id=first.id)
    third = oai.responses.create(model=model, input="recall", previous_response_id=second.id)
    if model != "gpt":
        assert third.output_text == "My name is Ada. | hi"
    else:
        assert third.output_text == "hi"


@every_model
def test_kept(oai, model):
    made = oai.responses.create(model=model, input="hi")
    read = oai.responses.retrieve(made.id)
    assert (read.id, read.output_text, read.status) == (made.id, HELLO, "completed")
    items = oai.responses.input_items.list(made.id).data
    assert items[0].content[0].text == "hi" and items[0].role == "user"
    oai.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        oai.responses.retrieve(made.id)


@OURS
def test_input_items_in_pages(oai, model):
    first = oai.responses.create(model=model, input=[{"role": "user", "content": str(n)} for n in range(5)])
    second = oai.responses.create(model=model, input="last", previous_response_id=first.id)
    pages = oai.responses.input_items.list(second.id, limit=2, order="asc")
    texts = [item.content[0].text for item in pages]
    assert texts == ["0", "1", "2", "3", "4", HELLO, "last"]
    newest = oai.responses.input_items.list(second.id, limit=1)
    assert newest.data[0].content[0].text == "last" and newest.has_more


@OURS
def test_not_kept(oai, model):
    made = oai.responses.create(model=model, input="hi", store=False)
    with pytest.raises(openai.NotFoundError):
        oai.responses.retrieve(made.id)
    with pytest.raises(openai.BadRequestError) as caught:
        oai.responses.create(model=model, input="hi", previous_response_id=made.id)
    assert caught.value.param == "previous_response_id"


@every_model
def test_background(oai, model):
    made = oai.responses.create(model=model, input="hi", background=True)
    assert made.status in ("queued", "in_progress") and made.background
    for _ in range(100):
        read = oai.responses.retrieve(made.id)
        if read.status not in ("queued", "in_progress"):
            break
        time.sleep(0.05)
    assert (read.status, read.output_text, read.id, read.background) == ("completed", HELLO, made.id, True)


@every_model
def test_background_cancelled(oai, model):
    made = oai.responses.create(model=model, input="slow" if model != "gpt" else "hi", background=True)
    ended = oai.responses.cancel(made.id)
    assert (ended.status, ended.id) == ("cancelled", made.id)
    assert oai.responses.retrieve(made.id).status == "cancelled"


@OURS
def test_background_failure(oai, model):
    made = oai.responses.create(model=model, input="fail 400", background=True)
    for _ in range(100):
        read = oai.responses.retrieve(made.id)
        if read.status == "failed":
            break
        time.sleep(0.05)
    assert read.status == "failed" and "Upstream says 400" in read.error.message


@OURS
def test_background_stream(oai, model):
    """A client that goes away ends nothing; it may read on from where it was, or again from the beginning."""
    events = []
    stream = oai.responses.create(model=model, input="drip", background=True, stream=True)
    for event in stream:
        events.append(event)
        if event.type == "response.output_text.delta":
            break
    stream.close()
    assert [event.type for event in events[:2]] == ["response.created", "response.queued"]
    made = events[0].response
    assert made.status == "queued" and made.background
    now = oai.responses.retrieve(made.id)
    assert (now.id, now.status, now.output) == (made.id, "in_progress", [])
    rest = list(oai.responses.retrieve(made.id, stream=True, starting_after=events[-1].sequence_number))
    assert [event.sequence_number for event in events + rest] == list(range(len(events) + len(rest)))
    final = rest[-1]
    assert (final.type, final.response.id, final.response.output_text, final.response.background) == ("response.completed", made.id, HELLO, True)
    again = list(oai.responses.retrieve(made.id, stream=True))
    assert again == events + rest
    assert list(oai.responses.retrieve(made.id, stream=True, starting_after=999)) == [final]
    with oai.responses.stream(response_id=made.id) as stream:
        assert stream.get_final_response().output_text == HELLO
    assert oai.responses.retrieve(made.id).output_text == HELLO


@OURS
def test_reading_along_with_a_response_of_the_background(oai, model):
    made = oai.responses.create(model=model, input="drip weather?", tools=[TOOL], background=True)
    with oai.responses.stream(response_id=made.id, tools=[TOOL]) as stream:
        final = stream.get_final_response()
    assert len(calls(final)) == 2 and final.id == made.id
    late = list(oai.responses.retrieve(made.id, stream=True))
    assert late[0].type == "response.created" and late[-1].response == oai.responses.retrieve(made.id)


@OURS
def test_background_stream_cancelled(oai, model):
    stream = oai.responses.create(model=model, input="slow", background=True, stream=True)
    made = next(iter(stream)).response
    assert oai.responses.cancel(made.id).status == "cancelled"
    *_, last = stream
    assert (last.type, last.response.status) == ("response.failed", "cancelled")
    assert oai.responses.retrieve(made.id).status == "cancelled"
    *_, last = oai.responses.retrieve(made.id, stream=True)
    assert last.response.status == "cancelled"


@OURS
def test_background_stream_failed(oai, model):
    *_, last = oai.responses.create(model=model, input="fail 400", background=True, stream=True)
    assert last.type == "response.failed" and "Upstream says 400" in last.response.error.message
    with pytest.raises(openai.BadRequestError) as caught:
        oai.responses.retrieve(last.response.id, stream=True, extra_query={"starting_after": "x"})
    assert caught.value.param == "starting_after"


@OURS
def test_any_kept_response_can_be_streamed(oai, model):
    made = oai.responses.create(model=model, input="hi")
    events = list(oai.responses.retrieve(made.id, stream=True))
    assert events[0].type == "response.created" and all(type(event).__name__ != "BaseModel" for event in events)
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == HELLO
    assert events[-1].response.output_text == HELLO


@every_model
def test_errors(oai, model):
    with pytest.raises(openai.RateLimitError) as caught:
        oai.responses.create(model=model, input="fail 429")
    assert "Upstream says 429" in caught.value.message
    with pytest.raises(openai.NotFoundError):
        oai.responses.retrieve("resp_nothing")


@TRANSLATED
def test_bad_input(oai, model):
    with pytest.raises(openai.BadRequestError) as caught:
        oai.responses.create(model=model, input=5)
    assert caught.value.param == "input"


@every_model
def test_cut(oai, model):
    events = []
    with pytest.raises(Exception):
        for event in oai.responses.create(model=model, input="cut", stream=True):
            events.append(event.type)
            if event.type in ("error", "response.failed"):
                raise RuntimeError
    assert "response.completed" not in events


@every_model
def test_input_tokens(oai, model):
    counted = oai.responses.input_tokens.count(model=model, input="How many tokens is this?")
    assert counted.object == "response.input_tokens" and counted.input_tokens > 0


@every_model
def test_compact(oai, model):
    said = [{"role": "user", "content": "My name is Ada."}]
    short = oai.responses.compact(model=model, input=said)
    assert short.object == "response.compaction" and short.output[-1].type == "compaction"
    answer = oai.responses.create(model=model, input=[*short.output, {"role": "user", "content": "hi"}])
    assert answer.output_text == HELLO


def test_switching_models_in_a_conversation(oai):
    first = oai.responses.create(model="claude", input="think")
    second = oai.responses.create(model="local", input="recall", previous_response_id=first.id)
    assert second.output_text == "think"
    native = oai.responses.create(model="gpt", input="recall", previous_response_id=first.id)
    assert native.output_text == "think"


@OURS
def test_leaving_the_provider_that_keeps_the_conversation(oai, model):
    """What was said is fetched from it, turn by turn, and then kept by the gateway."""
    first = oai.responses.create(model="gpt", input="My name is Ada.")
    second = oai.responses.create(model="gpt", input="weather?", previous_response_id=first.id, tools=[TOOL])
    third = oai.responses.create(model=model, input=outputs(second), previous_response_id=second.id, tools=[TOOL])
    assert third.output_text == "It is sunny." and third.previous_response_id == second.id
    fourth = oai.responses.create(model=model, input="recall", previous_response_id=third.id)
    assert fourth.output_text.startswith("My name is Ada. | weather?")
    texts = [item.type for item in oai.responses.input_items.list(third.id, order="asc")]
    assert texts == ["message", "message", "message", "function_call", "function_call", "function_call_output", "function_call_output"]
    back = oai.responses.create(model="gpt", input="recall", previous_response_id=fourth.id)
    assert back.output_text == "My name is Ada. | weather? | recall"
    oai.responses.delete(first.id)
    with pytest.raises(openai.BadRequestError) as caught:
        oai.responses.create(model=model, input="hi", previous_response_id=second.id)
    assert caught.value.param == "previous_response_id" and "not found" in caught.value.message


@OURS
def test_items_by_reference(oai, model):
    first = oai.responses.create(model=model, input="My name is Ada.")
    kept = oai.responses.input_items.list(first.id).data[0]
    refer = lambda *items: [{"type": "item_reference", "id": item.id} for item in items]
    second = oai.responses.create(model=model, input=[*refer(kept, *first.output), {"role": "user", "content": "recall"}])
    assert second.output_text == "My name is Ada."
    native = oai.responses.create(model="gpt", input=[*refer(kept, *first.output), {"role": "user", "content": "recall"}])
    assert native.output_text == "My name is Ada."
    called = oai.responses.create(model=model, input="weather?", tools=[TOOL])
    asked = oai.responses.input_items.list(called.id).data[0]
    third = oai.responses.create(model=model, input=[*refer(asked, *called.output), *outputs(called)], tools=[TOOL])
    assert third.output_text == "It is sunny."
    with pytest.raises(openai.BadRequestError) as caught:
        oai.responses.create(model=model, input=[{"type": "item_reference", "id": "msg_nothing"}])
    assert caught.value.param == "input" and "msg_nothing" in caught.value.message
