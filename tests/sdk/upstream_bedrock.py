"""The part of the upstream that speaks Bedrock's Converse format."""

import json
import re
import struct
import zlib

EXCEPTIONS = {400: "ValidationException", 401: "UnrecognizedClientException", 403: "AccessDeniedException", 404: "ResourceNotFoundException", 429: "ThrottlingException"}


def frame(kind, name, payload):
    """A message of an event stream."""
    headers = b""
    for key, value in ((f":{kind}-type", name), (":content-type", "application/json"), (":message-type", kind)):
        headers += struct.pack("!B", len(key)) + key.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
    data = json.dumps(payload).encode()
    prelude = struct.pack("!II", 16 + len(headers) + len(data), len(headers))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + data
    return message + struct.pack("!I", zlib.crc32(message))


class Bedrock:
    """/model/{id}/converse and /model/{id}/converse-stream."""

    def bedrock(self):
        if self.calls:
            blocks = [{"toolUse": {"toolUseId": i.replace("call", "tooluse"), "name": "get_weather", "input": json.loads(a)}} for i, a in self.calls]
        else:
            blocks = [{"text": self.text}]
        reason = "tool_use" if self.calls else "end_turn"
        usage = {"inputTokens": 14, "outputTokens": 8, "totalTokens": 22}
        if self.path.endswith("/converse"):
            message = {"role": "assistant", "content": blocks}
            return self.whole({"output": {"message": message}, "stopReason": reason, "usage": usage, "metrics": {"latencyMs": 7}})
        events = [("messageStart", {"role": "assistant"})]
        for n, block in enumerate(blocks):
            at = {"contentBlockIndex": n}
            if call := block.get("toolUse"):
                arguments = json.dumps(call.pop("input"))
                events.append(("contentBlockStart", {**at, "start": {"toolUse": call}}))
                deltas = [{"toolUse": {"input": piece}} for piece in (arguments[:5], arguments[5:])]
            else:
                deltas = [{"text": word} for word in re.findall(r"\S+\s*", self.text)]
            events += [("contentBlockDelta", {**at, "delta": delta}) for delta in deltas]
            events.append(("contentBlockStop", at))
        events += [("messageStop", {"stopReason": reason}), ("metadata", {"usage": usage, "metrics": {"latencyMs": 7}})]
        self.stream([frame("event", *event) for event in events], "application/vnd.amazon.eventstream")

    def bedrock_error(self, status):
        return {"message": f"Upstream says {status}."}, {"x-amzn-errortype": EXCEPTIONS.get(status, "InternalServerException")}
