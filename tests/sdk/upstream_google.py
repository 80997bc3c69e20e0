"""The part of the upstream that speaks Gemini's format."""

import json
import re


class Google:
    """generateContent, streamGenerateContent (events), countTokens, batchEmbedContents."""

    def google(self, body):
        verb = self.path.split("?")[0].rsplit(":", 1)[1]
        if verb == "countTokens":
            return self.whole({"totalTokens": 17})
        if verb == "embedContent":
            return self.whole({"embedding": {"values": [1.0, 2.0, 3.0]}})
        if verb == "batchEmbedContents":
            return self.whole({"embeddings": [{"values": [1.0, 2.0, 3.0]} for _ in body["requests"]]})
        parts = self.google_parts()
        if verb == "generateContent":
            return self.whole(self.google_answer(parts, True))
        pieces = [[{"text": word}] for part in parts if "text" in part and not part.get("thought") for word in re.findall(r"\S+\s*", part["text"])]
        others = [[part] for part in parts if "functionCall" in part or part.get("thought")]
        pieces = pieces * 3 if "cut" in self.said else pieces
        frames = [self.google_answer(piece, False) for piece in others + pieces]
        frames.append(self.google_answer([{"text": ""}], True))
        self.stream([f"data: {json.dumps(frame)}\r\n\r\n" for frame in frames])

    def google_parts(self):
        thought = [{"text": "Let me think.", "thought": True}] if self.signature else []
        if not self.calls:
            return thought + [{"text": self.text}]
        calls = [{"functionCall": {"name": "get_weather", "args": json.loads(arguments)}} for _, arguments in self.calls]
        if self.signature:
            calls[0]["thoughtSignature"] = self.signature
        return thought + calls

    def google_answer(self, parts, last):
        candidate = {"content": {"parts": parts, "role": "model"}, "index": 0, **({"finishReason": "STOP"} if last else {})}
        usage = {"promptTokenCount": 14, "candidatesTokenCount": 8, "totalTokenCount": 22}
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-flash", "responseId": "resp-1"}

    def google_error(self, status):
        names = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}
        return {"error": {"code": status, "message": f"Upstream says {status}.", "status": names.get(status, "INTERNAL")}}
