"""AWS's SDK, a Converse client with a bearer token, over each kind of upstream; and the signatures that upstreams get."""

import datetime
import json
import urllib.request

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, EventStreamError
from gateway import AWS, PROFILE

HELLO = "Hello from upstream."
MODELS = ["gpt", "claude", "local", "gem", "command", "us.amazon.nova-pro-v1:0"]
every_model = pytest.mark.parametrize("model", MODELS)
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = {"tools": [{"toolSpec": {"name": "get_weather", "description": "Weather now", "inputSchema": {"json": SCHEMA}}}]}


def client(gateway, path=""):
    config = Config(retries={"total_max_attempts": 1}, read_timeout=20)
    url = gateway.url.replace("http:", "https:") + path
    made = boto3.client("bedrock-runtime", region_name="us-east-1", endpoint_url=url, config=config)
    made.meta.events.register("before-send.bedrock-runtime", plain)
    return made


def plain(request, **_):
    """botocore gives tokens to HTTPS only; no certificate is here, so that the call leaves without TLS, else as it is."""
    request.url = request.url.replace("https:", "http:", 1)


@pytest.fixture(scope="module", autouse=True)
def token(gateway):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_BEARER_TOKEN_BEDROCK", gateway.key)
        yield


@pytest.fixture(scope="module")
def aws(gateway, token):
    return client(gateway)


def user(text):
    return [{"role": "user", "content": [{"text": text}]}]


def whole(aws, **request):
    answer = aws.converse(modelId=request.pop("model"), **request)
    return answer["output"]["message"], answer["stopReason"], answer["usage"], answer["metrics"]


def streamed(aws, **request):
    """The message of a stream, put together as AWS's documentation has it; each event is one that botocore knows."""
    answer = aws.converse_stream(modelId=request.pop("model"), **request)
    blocks, stopped, message, reason, tail = {}, [], {}, None, None
    for event in answer["stream"]:
        ((name, body),) = event.items()
        assert name in aws.meta.service_model.shape_for("ConverseStreamOutput").members
        assert tail is None and (message or name == "messageStart")
        match name:
            case "messageStart":
                assert not message
                message = {"role": body["role"], "content": []}
            case "contentBlockStart":
                assert body["contentBlockIndex"] not in blocks
                blocks[body["contentBlockIndex"]] = {"toolUse": {**body["start"]["toolUse"], "input": ""}}
            case "contentBlockDelta":
                ((kind, delta),) = body["delta"].items()
                block = blocks.setdefault(body["contentBlockIndex"], {})
                assert body["contentBlockIndex"] not in stopped
                if kind == "text":
                    block["text"] = block.get("text", "") + delta
                elif kind == "toolUse":
                    block["toolUse"]["input"] += delta["input"]
                else:
                    own = block.setdefault("reasoningContent", {"reasoningText": {"text": ""}})["reasoningText"]
                    for member, value in delta.items():
                        own[member] = own.get(member, "") + value
            case "contentBlockStop":
                stopped.append(body["contentBlockIndex"])
            case "messageStop":
                reason = body["stopReason"]
            case "metadata":
                tail = body
    assert sorted(blocks) == list(range(len(blocks))) == stopped
    for index in stopped:
        if call := blocks[index].get("toolUse"):
            call["input"] = json.loads(call["input"] or "{}")
        message["content"].append(blocks[index])
    return message, reason, tail["usage"], tail["metrics"]


ways = pytest.mark.parametrize("ask", [whole, streamed])


@every_model
@ways
def test_answer(aws, model, ask):
    limits = {"maxTokens": 50, "temperature": 0.2, "topP": 0.9, "stopSequences": ["END"]}
    message, reason, usage, metrics = ask(aws, model=model, messages=user("hi"), system=[{"text": "Be terse."}], inferenceConfig=limits)
    assert message == {"role": "assistant", "content": [{"text": HELLO}]}
    assert (reason, usage) == ("end_turn", {"inputTokens": 14, "outputTokens": 8, "totalTokens": 22})
    assert 0 <= metrics["latencyMs"] < 20_000


@every_model
@ways
def test_parallel_tools(aws, model, ask):
    messages = user("weather?")
    message, reason, *_ = ask(aws, model=model, messages=messages, toolConfig={**TOOLS, "toolChoice": {"auto": {}}})
    assert reason == "tool_use"
    calls = [block["toolUse"] for block in message["content"] if "toolUse" in block]
    assert [call["input"]["city"] for call in calls] == ["Paris", "Rome"] and {call["name"] for call in calls} == {"get_weather"}
    assert len({call["toolUseId"] for call in calls}) == 2
    contents = [[{"json": {"sky": "blue"}}], [{"text": "sunny"}]]
    results = [{"toolResult": {"toolUseId": call["toolUseId"], "content": content, "status": "success"}} for call, content in zip(calls, contents)]
    message, reason, *_ = ask(aws, model=model, messages=messages + [message, {"role": "user", "content": results}], toolConfig=TOOLS)
    assert (message["content"], reason) == ([{"text": "It is sunny."}], "end_turn")


@pytest.mark.parametrize("model", ["gpt", "claude", "local", "gem", "command"])
@ways
def test_a_loop_of_six_turns(aws, model, ask):
    """Claude's signatures travel in blocks of reasoning, Gemini's in the ids of calls."""
    messages, turns = user("loop"), 0
    while True:
        message, reason, *_ = ask(aws, model=model, messages=messages, toolConfig=TOOLS)
        if reason != "tool_use":
            break
        turns += 1
        results = [{"toolResult": {"toolUseId": block["toolUse"]["toolUseId"], "content": [{"text": "sunny"}]}} for block in message["content"] if "toolUse" in block]
        messages += [message, {"role": "user", "content": results}]
    assert (turns, message["content"][-1]["text"]) == (6, "Done after 6.")


@ways
def test_reasoning(aws, ask):
    fields = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    message, *_ = ask(aws, model="claude", messages=user("think"), inferenceConfig={"maxTokens": 4000}, additionalModelRequestFields=fields)
    assert message["content"] == [{"reasoningContent": {"reasoningText": {"text": "Let me think.", "signature": "c2lnbmF0dXJl"}}}, {"text": HELLO}]


@pytest.mark.parametrize("model", ["gpt", "claude", "gem"])
def test_files(aws, model):
    content = [{"text": "hi"}, {"image": {"format": "png", "source": {"bytes": b"\x89PNG"}}}, {"document": {"format": "pdf", "name": "report", "source": {"bytes": b"%PDF"}}}]
    message, *_ = whole(aws, model=model, messages=[{"role": "user", "content": content}])
    assert message["content"] == [{"text": HELLO}]


CODES = {400: "ValidationException", 401: "UnrecognizedClientException", 403: "AccessDeniedException", 404: "ResourceNotFoundException", 429: "ThrottlingException", 500: "InternalServerException"}


@every_model
@ways
@pytest.mark.parametrize(("status", "code"), CODES.items())
def test_errors(aws, model, ask, status, code):
    with pytest.raises(ClientError) as failure:
        ask(aws, model=model, messages=user(f"fail {status}"))
    error, metadata = failure.value.response["Error"], failure.value.response["ResponseMetadata"]
    assert (error["Code"], metadata["HTTPStatusCode"]) == (code, status) and f"Upstream says {status}." in error["Message"]
    if code in ("ValidationException", "AccessDeniedException", "ResourceNotFoundException", "ThrottlingException", "InternalServerException"):
        assert isinstance(failure.value, getattr(aws.exceptions, code))


@every_model
def test_broken_stream(aws, model):
    with pytest.raises(EventStreamError) as failure:
        streamed(aws, model=model, messages=user("cut"))
    members = aws.meta.service_model.shape_for("ConverseStreamOutput").members
    assert failure.value.response["Error"]["Code"] in members and failure.value.response["Error"]["Message"]


@ways
def test_own_mistakes(gateway, aws, ask, monkeypatch):
    with pytest.raises(ClientError) as failure:
        ask(aws, model="nobody", messages=user("hi"))
    assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 404)
    assert failure.value.response["Error"]["Code"] in ("ValidationException", "ResourceNotFoundException")
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "sk-wrong")
    with pytest.raises(ClientError) as failure:
        ask(client(gateway), model="gpt", messages=user("hi"))
    assert failure.value.response["Error"]["Code"] == "UnrecognizedClientException"
    assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] == 401


def test_under_a_prefix(gateway):
    message, *_ = streamed(client(gateway, "/bedrock"), model="gpt", messages=user("hi"))
    assert message["content"] == [{"text": HELLO}]


@pytest.mark.parametrize("model", ["profile", "us.amazon.nova-pro-v1:0"])
@ways
def test_signature(gateway, aws, model, ask):
    """What the upstream gets is signed as botocore would have signed it."""
    ask(aws, model=model, messages=user("hi, naïve ☃"))
    with urllib.request.urlopen(gateway.upstream_url + "/seen") as answer:
        seen = json.load(answer)
    headers = dict(seen["headers"])
    name = PROFILE if model == "profile" else model
    assert seen["path"].startswith("/model/" + name.replace(":", "%3A").replace("/", "%2F") + "/converse")
    scheme, _, rest = headers["authorization"].partition(" ")
    said = dict(part.split("=", 1) for part in rest.split(", "))
    signed = said["SignedHeaders"].split(";")
    assert scheme == "AWS4-HMAC-SHA256" and {"host", "x-amz-date", "x-amz-security-token"} <= set(signed) and signed == sorted(signed)
    assert headers["x-amz-security-token"] == AWS["aws_session_token"] and headers["host"] in gateway.upstream_url

    keys = Credentials(AWS["aws_access_key_id"], AWS["aws_secret_access_key"], AWS["aws_session_token"])
    botocore = SigV4Auth(keys, "bedrock", AWS["aws_region_name"])
    url = gateway.upstream_url + seen["path"]
    request = AWSRequest("POST", url, {name: headers[name] for name in signed}, seen["body"].encode())
    request.context["timestamp"] = headers["x-amz-date"]
    words = botocore.string_to_sign(request, botocore.canonical_request(request))
    assert said["Signature"] == botocore.signature(words, request)
    assert said["Credential"] == botocore.scope(request)


def signing(gateway, key=None, secret=None):
    """A client as boto3 makes it from an access key: no bearer token, every request signed."""
    keys = {"aws_access_key_id": key or gateway.key, "aws_secret_access_key": secret or gateway.key}
    config = Config(retries={"total_max_attempts": 1}, read_timeout=20)
    return boto3.client("bedrock-runtime", region_name="eu-west-1", endpoint_url=gateway.url, config=config, **keys)


@pytest.fixture
def no_token(monkeypatch):
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK")


@every_model
@ways
def test_signed_by_the_client(gateway, no_token, model, ask):
    message, *_ = ask(signing(gateway), model=model, messages=user("hi, naïve ☃"))
    assert message["content"] == [{"text": HELLO}]


@ways
@pytest.mark.parametrize(("key", "secret", "status", "code"), [(None, "sk-wrong", 403, "InvalidSignatureException"), ("AKIAOTHER", None, 401, "UnrecognizedClientException")])
def test_signed_with_another_key(gateway, no_token, ask, key, secret, status, code):
    with pytest.raises(ClientError) as failure:
        ask(signing(gateway, key, secret), model="gpt", messages=user("hi"))
    response = failure.value.response
    assert (response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]) == (status, code)


@pytest.mark.parametrize(("minutes", "code"), [(-6, "InvalidSignatureException"), (6, "InvalidSignatureException"), (-4, None)])
def test_signed_at_another_time(gateway, no_token, monkeypatch, minutes, code):
    import botocore.auth

    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: at.replace(tzinfo=None))
    try:
        whole(signing(gateway), model="gpt", messages=user("hi"))
        said = None
    except ClientError as failure:
        said = failure.response["Error"]["Code"]
    assert said == code
