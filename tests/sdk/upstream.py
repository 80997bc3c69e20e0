"""A provider for the SDK suites: speaks OpenAI's, Anthropic's, Gemini's, Cohere's and Bedrock's formats and does what the last user message says.

    python3 upstream.py        prints its port and serves until standard input closes

"fail 429": an error of that status. "slow": waits ten seconds. "drip": streams slowly. "cut": breaks the stream. "weather": calls two tools,
if there are tools and no results yet. "loop": calls a tool six times, thinking and signing where the format has
signatures, and refuses to go on if one that it gave is not given back. "json": answers with JSON. "think": reasons first. Anything else: says hello.
GET /seen tells the last call as it came.
"""

import itertools
import json
import os
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from upstream_bedrock import Bedrock
from upstream_cohere import Cohere
from upstream_google import Google
from upstream_media import Media

HELLO = "Hello from upstream."
JSON = '{"city":"Paris","population":2102650}'
CALLS = [("call_1", '{"city": "Paris"}'), ("call_2", '{"city": "Rome"}')]
KEPT = {}  # responses by their ids
NUMBERS = itertools.count(1)
SEEN = {}  # the last call
ERRORS = {
    400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error", 404: "not_found_error",
    413: "request_too_large", 429: "rate_limit_error", 504: "timeout_error", 529: "overloaded_error",
}


LOOP = 6


def signature(turn):
    """Valid base64 with every odd letter, another one for each turn."""
    return f"Eq{turn}B+/x/ABCD" + "+/" * 8 + "EqQ="


def text_of(content):
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content or [] if isinstance(part, dict))


class Upstream(Google, Cohere, Bedrock, Media, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_POST(self):
        if self.path.endswith("/cancel"):
            _, kept, _ = self.kept()
            kept["answer"]["status"] = "cancelled"
            return self.whole(kept["answer"])
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        SEEN.update(path=self.path, headers=[[name.lower(), value] for name, value in self.headers.items()], body=body.decode(errors="replace"))
        self.said = ""
        if self.media(body) is not False:
            return
        body = json.loads(body)
        if self.asked(body):
            return
        items = body.get("messages") or body.get("input") or [{"role": c.get("role") or "user", "content": c["parts"]} for c in body.get("contents") or []]
        items = items if isinstance(items, list) else [{"role": "user", "content": str(items)}]
        messages = [item for item in items if isinstance(item, dict)]
        said = [text_of(m.get("content")) for m in messages if m.get("role") == "user"]
        self.said = " ".join(said) or str(body.get("prompt", ""))
        answered = any(m.get("role") == "tool" or m.get("type") == "function_call_output" or re.search("tool_?[rR]esult|function_?[rR]esponse", json.dumps(m)) for m in messages)
        self.calls = CALLS if (body.get("tools") or body.get("toolConfig")) and "weather" in self.said and not answered else []
        self.text = " | ".join(said[:-1]) if said and "recall" in said[-1] else "It is sunny." if answered else JSON if "json" in self.said else HELLO
        anthropic = "/messages" in self.path
        bedrock = self.path.startswith("/model/")
        google, cohere = not bedrock and ":" in self.path.rsplit("/", 1)[-1], self.path.endswith(("/v2/chat", "/v2/embed", "/v1/embed"))
        self.signature = None
        if "loop" in self.said and not self.loop(messages, anthropic, google):
            return self.fail(400, anthropic)
        if "slow" in self.said:
            time.sleep(10)
        failure = re.search(r"fail (\d+)", self.said)
        if failure:
            return self.fail(int(failure[1]), anthropic)
        if google:
            return self.google(body)
        if bedrock:
            return self.bedrock()
        if cohere:
            return self.cohere(body)
        if self.path.endswith("/embeddings"):
            return self.embeddings(body)
        if self.path.endswith("/moderations"):
            return self.whole({"id": "modr-1", "model": body["model"], "results": [{"flagged": False, "categories": {"violence": False}, "category_scores": {"violence": 0.01}}]})
        if self.path.endswith("/count_tokens"):
            return self.whole({"input_tokens": 17})
        if self.path.endswith("/responses"):
            return self.response(body)
        if self.path.endswith("/responses/input_tokens"):
            return self.whole({"object": "response.input_tokens", "input_tokens": 11})
        if self.path.endswith("/responses/compact"):
            item = {"id": "cmp_1", "type": "compaction", "encrypted_content": "gAAAA"}
            usage = {"input_tokens": 14, "output_tokens": 8, "total_tokens": 22, "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
            return self.whole({"id": "resp_c", "object": "response.compaction", "created_at": 1741570283, "output": [item], "usage": usage})
        kind = "messages" if anthropic else "chat" if self.path.endswith("/chat/completions") else "completion"
        getattr(self, f"{kind}_stream" if body.get("stream") else kind)(body)

    def loop(self, messages, anthropic, google):
        """One call for each turn; tells whether every signature came back as it was given."""
        text = json.dumps(messages)
        turn = max(text.count('"tool_result"'), len(re.findall(r'"function_?[rR]esponse"', text)), text.count('"toolResult"'), sum(m.get("role") == "tool" or m.get("type") == "function_call_output" for m in messages))
        given = re.findall(r'"(?:thoughtS|s)ignature": "([^"]*)"', text)
        given = [one.replace("-", "+").replace("_", "/") for one in given] if google else given
        self.calls = [(f"call_{turn}", f'{{"city": "City {turn}"}}')] if turn < LOOP else []
        self.text = f"Done after {turn}."
        self.signature = signature(turn) if anthropic or (google and self.calls) else None
        return not (anthropic or google) or given == [signature(n) for n in range(turn)]

    def kept(self):
        """What is asked of a kept response: the response, its input, what is asked."""
        _, _, rest = self.path.partition("/responses/")
        name, _, verb = rest.partition("?")[0].partition("/")
        return name, KEPT.get(name), verb

    def do_GET(self):
        if self.path == "/seen":
            return self.whole(SEEN)
        name, kept, verb = self.kept()
        if not kept:
            return self.whole({"error": {"message": f"Response with id '{name}' not found.", "type": "invalid_request_error", "param": None, "code": None}}, 404)
        if verb == "input_items":
            return self.whole({"object": "list", "data": kept["input"], "first_id": "msg_in", "last_id": "msg_in", "has_more": False})
        if kept["answer"]["status"] == "queued":
            kept["answer"] |= {"status": "completed", **kept["later"]}
        self.whole(kept["answer"])

    def do_DELETE(self):
        name, kept, _ = self.kept()
        KEPT.pop(name, None)
        self.whole({"id": name, "object": "response", "deleted": bool(kept)})

    def fail(self, status, anthropic):
        error = {"type": ERRORS.get(status, "api_error"), "message": f"Upstream says {status}."}
        whole = {"type": "error", "error": error} if anthropic else {"error": {**error, "param": None, "code": None}}
        if ":" in self.path.rsplit("/", 1)[-1]:
            whole = self.google_error(status)
        if self.path.endswith(("/v2/chat", "/v2/embed", "/v1/embed")):
            whole = self.cohere_error(status)
        headers = {}
        if self.path.startswith("/model/"):
            whole, headers = self.bedrock_error(status)
        self.whole(whole, status, {**headers, "x-request-id": "req_up", **({"retry-after": "7"} if status == 429 else {})})

    # ------------------------------------------------------------------ OpenAI
    def usage(self, body):
        return {"prompt_tokens": 14, "completion_tokens": 8, "total_tokens": 22}

    def chat(self, body):
        message = {"role": "assistant", "content": None if self.calls else self.text}
        if self.calls:
            message["tool_calls"] = [{"id": i, "type": "function", "function": {"name": "get_weather", "arguments": a}} for i, a in self.calls]
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if self.calls else "stop"}
        self.whole({"id": "chatcmpl-1", "object": "chat.completion", "created": 1741570283, "model": body["model"], "choices": [choice], "usage": self.usage(body)})

    def chat_stream(self, body):
        def chunk(delta, reason=None):
            return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1741570283, "model": body["model"], "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

        chunks = [chunk({"role": "assistant", "content": ""})]
        if self.calls:
            for n, (id_, arguments) in enumerate(self.calls):
                chunks.append(chunk({"tool_calls": [{"index": n, "id": id_, "type": "function", "function": {"name": "get_weather", "arguments": ""}}]}))
                chunks += [chunk({"tool_calls": [{"index": n, "function": {"arguments": piece}}]}) for piece in (arguments[:5], arguments[5:])]
        else:
            chunks += [chunk({"content": word}) for word in re.findall(r"\S+\s*", self.text)]
        chunks.append(chunk({}, "tool_calls" if self.calls else "stop"))
        if (body.get("stream_options") or {}).get("include_usage"):
            chunks.append({**chunk({}), "choices": [], "usage": self.usage(body)})
        self.stream([f"data: {json.dumps(c)}\n\n" for c in chunks] + ["data: [DONE]\n\n"])

    def completion(self, body):
        choice = {"index": 0, "text": self.text, "finish_reason": "stop", "logprobs": None}
        self.whole({"id": "cmpl-1", "object": "text_completion", "created": 1741570283, "model": body["model"], "choices": [choice], "usage": self.usage(body)})

    def completion_stream(self, body):
        def chunk(text, reason=None):
            return {"id": "cmpl-1", "object": "text_completion", "created": 1741570283, "model": body["model"], "choices": [{"index": 0, "text": text, "finish_reason": reason, "logprobs": None}]}

        self.stream([f"data: {json.dumps(c)}\n\n" for c in [chunk("Hello "), chunk("from upstream."), chunk("", "stop")]] + ["data: [DONE]\n\n"])

    def embeddings(self, body):
        inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
        if body.get("encoding_format") == "base64" and not self.path.startswith("/plain/"):
            vector = "AACAPwAAAEAAAEBA"  # 1, 2, 3
        else:
            vector = [1.0, 2.0, 3.0]
        data = [{"object": "embedding", "index": n, "embedding": vector} for n in range(len(inputs))]
        self.whole({"object": "list", "model": body["model"], "data": data, "usage": {"prompt_tokens": 5, "total_tokens": 5}})

    def response(self, body):
        if self.calls:
            output = [{"type": "function_call", "id": f"fc_{i}", "call_id": i, "name": "get_weather", "arguments": a, "status": "completed"} for i, a in self.calls]
        else:
            output = [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": self.text, "annotations": []}]}]
        usage = {"input_tokens": 14, "output_tokens": 8, "total_tokens": 22, "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
        past = KEPT.get(body.get("previous_response_id"))
        if body.get("previous_response_id") and not past:
            return self.fail(404, False)
        if past and "recall" in self.said:
            output[0]["content"][0]["text"] = past["said"]
        answer = {"id": f"resp_{next(NUMBERS)}", "previous_response_id": body.get("previous_response_id"), "object": "response", "created_at": 1741570283, "status": "completed", "error": None, "incomplete_details": None, "model": body["model"], "output": output, "usage": usage}
        items = [{"id": "msg_in", "type": "message", "role": "user", "status": "completed", "content": [{"type": "input_text", "text": self.said}]}]
        KEPT[answer["id"]] = {"answer": answer, "input": items, "said": self.said}
        if body.get("background"):
            KEPT[answer["id"]] |= {"later": {"output": output, "usage": usage}, "answer": {**answer, "status": "queued", "output": [], "usage": None, "background": True}}
            return self.whole(KEPT[answer["id"]]["answer"])
        if not body.get("stream"):
            return self.whole(answer)
        events = [{"type": "response.created", "response": {**answer, "status": "in_progress", "output": [], "usage": None}}]
        for n, item in enumerate(output):
            at = {"output_index": n, "item_id": item["id"]}
            if item["type"] == "function_call":
                events += [{"type": "response.output_item.added", "output_index": n, "item": {**item, "arguments": "", "status": "in_progress"}}]
                events += [{"type": "response.function_call_arguments.delta", **at, "delta": item["arguments"]}, {"type": "response.function_call_arguments.done", **at, "arguments": item["arguments"]}]
            else:
                events += [{"type": "response.output_item.added", "output_index": n, "item": {**item, "content": [], "status": "in_progress"}}]
                events += [{"type": "response.content_part.added", **at, "content_index": 0, "part": {"type": "output_text", "text": "", "annotations": []}}]
                events += [{"type": "response.output_text.delta", **at, "content_index": 0, "delta": word} for word in re.findall(r"\S+\s*", self.text)]
                events += [{"type": "response.output_text.done", **at, "content_index": 0, "text": self.text}, {"type": "response.content_part.done", **at, "content_index": 0, "part": item["content"][0]}]
            events.append({"type": "response.output_item.done", "output_index": n, "item": item})
        events.append({"type": "response.completed", "response": answer})
        self.stream([f"event: {e['type']}\ndata: {json.dumps({**e, 'sequence_number': n})}\n\n" for n, e in enumerate(events)])

    # ------------------------------------------------------------------ Anthropic
    def blocks(self):
        thinking = [{"type": "thinking", "thinking": "Let me think.", "signature": self.signature or "c2lnbmF0dXJl"}] if "think" in self.said or self.signature else []
        if self.calls:
            return thinking + [{"type": "tool_use", "id": i.replace("call", "toolu"), "name": "get_weather", "input": json.loads(a)} for i, a in self.calls]
        return thinking + [{"type": "text", "text": self.text}]

    def messages(self, body):
        reason = "tool_use" if self.calls else "end_turn"
        self.whole({"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "content": self.blocks(), "stop_reason": reason, "stop_sequence": None, "usage": {"input_tokens": 14, "output_tokens": 8}})

    def messages_stream(self, body):
        start = {"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "content": [], "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 14, "output_tokens": 1}}
        events = [{"type": "message_start", "message": start}]
        for n, block in enumerate(self.blocks()):
            empty = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}, "tool_use": {"input": {}}}[block["type"]]
            events += [{"type": "content_block_start", "index": n, "content_block": {**block, **empty}}, {"type": "ping"}]
            deltas = {
                "text": [{"type": "text_delta", "text": word} for word in re.findall(r"\S+\s*", block.get("text", ""))],
                "thinking": [{"type": "thinking_delta", "thinking": "Let me think."}, {"type": "signature_delta", "signature": self.signature or "c2lnbmF0dXJl"}],
                "tool_use": [{"type": "input_json_delta", "partial_json": piece} for piece in ("", '{"city": ', json.dumps(block.get("input", {}).get("city")) + "}")],
            }[block["type"]]
            events += [{"type": "content_block_delta", "index": n, "delta": delta} for delta in deltas]
            events.append({"type": "content_block_stop", "index": n})
        events += [{"type": "message_delta", "delta": {"stop_reason": "tool_use" if self.calls else "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 8}}, {"type": "message_stop"}]
        self.stream([f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events])

    # ------------------------------------------------------------------ HTTP
    def whole(self, body, status=200, headers=None):
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(data)), "x-ratelimit-remaining-requests": "41", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def stream(self, chunks, kind="text/event-stream", pause=0):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        if "cut" in self.said:
            chunks = chunks[:4]
        for chunk in chunks:
            time.sleep(0.1 if "drip" in self.said else 0)
            data = chunk if isinstance(chunk, bytes) else chunk.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
            time.sleep(pause)
        if "cut" in self.said:
            self.close_connection = True
            time.sleep(0.1)
            return
        self.wfile.write(b"0\r\n\r\n")


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()
    os._exit(0)
