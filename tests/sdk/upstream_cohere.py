"""The part of the upstream that speaks Cohere's format."""

import json
import re


class Cohere:
    """/v2/chat, /v2/embed and /v1/embed."""

    def cohere(self, body):
        if self.path.endswith("/embed"):
            vectors = [[1.0, 2.0, 3.0] for _ in body.get("texts") or body.get("inputs")]
            if self.path.endswith("/v1/embed"):
                return self.whole({"id": "e1", "texts": body["texts"], "embeddings": vectors, "response_type": "embeddings_floats", "meta": {"billed_units": {"input_tokens": 5}}})
            return self.whole({"id": "e1", "texts": body.get("texts") or [], "embeddings": {"float": vectors}, "response_type": "embeddings_by_type", "meta": {"billed_units": {"input_tokens": 5}}})
        usage = {"billed_units": {"input_tokens": 14, "output_tokens": 8}, "tokens": {"input_tokens": 14, "output_tokens": 8}}
        reason = "TOOL_CALL" if self.calls else "COMPLETE"
        calls = [{"id": i, "type": "function", "function": {"name": "get_weather", "arguments": a}} for i, a in self.calls]
        if not body.get("stream"):
            message = {"role": "assistant", "tool_plan": "I will look.", "tool_calls": calls} if calls else {"role": "assistant", "content": [{"type": "text", "text": self.text}]}
            return self.whole({"id": "c1", "finish_reason": reason, "message": message, "usage": usage})
        events = [{"type": "message-start", "id": "c1", "delta": {"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}}}]
        if calls:
            events.append({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "I will look."}}})
            for n, call in enumerate(calls):
                arguments = call["function"]["arguments"]
                events.append({"type": "tool-call-start", "index": n, "delta": {"message": {"tool_calls": {**call, "function": {"name": "get_weather", "arguments": ""}}}}})
                events += [{"type": "tool-call-delta", "index": n, "delta": {"message": {"tool_calls": {"function": {"arguments": piece}}}}} for piece in (arguments[:5], arguments[5:])]
                events.append({"type": "tool-call-end", "index": n})
        else:
            events.append({"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}})
            events += [{"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": word}}}} for word in re.findall(r"\S+\s*", self.text)]
            events.append({"type": "content-end", "index": 0})
        events.append({"type": "message-end", "id": "c1", "delta": {"finish_reason": reason, "usage": usage}})
        self.stream([f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events])

    def cohere_error(self, status):
        return {"id": "x", "message": f"Upstream says {status}."}
