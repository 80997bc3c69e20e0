"""The part of the upstream that speaks of pictures, sound, vectors and ranks: OpenAI's forms and those of others."""

import json

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SOUND = [b"ID3\x04" + b"one" * 300, b"two" * 300, b"three" * 300]
SAID = "Hello from a recording."


class Media:
    """Answers what a path asks for; tells whether it has."""

    def media(self, raw):
        path = self.path.split("?")[0]
        if path.endswith(("/audio/transcriptions", "/audio/translations")):
            return self.heard(path, self.form(raw))
        if path.endswith("/images/edits"):
            form = self.form(raw)
            assert form["prompt"] == b"a hat" and form["image"].startswith(b"\x89PNG"), form
            return self.pictures()
        if path == "/v1/listen":
            words = {"channels": [{"alternatives": [{"transcript": SAID, "words": []}]}]}
            return self.whole({"metadata": {"duration": 1.5}, "results": words})
        if path == "/v1/speech-to-text":
            return self.whole({"text": SAID, "language_code": "eng", "words": []})
        if path.startswith("/v1/text-to-speech/") or path.endswith("/audio/speech"):
            return self.sound()
        return False

    def heard(self, path, form):
        assert form["file"].startswith(b"RIFF"), form
        if form.get("response_format") == b"text":
            return self.text_answer(SAID)
        if form.get("stream") == b"true":
            events = [{"type": "transcript.text.delta", "delta": word} for word in ("Hello from ", "a recording.")]
            events.append({"type": "transcript.text.done", "text": SAID})
            return self.stream([f"data: {json.dumps(event)}\n\n" for event in events])
        self.whole({"text": SAID if "transcriptions" in path else "Hello, translated."})

    def text_answer(self, text):
        self.send_response(200)
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def form(self, raw):
        """The fields and files of a form."""
        boundary = b"--" + self.headers["content-type"].split("boundary=")[1].strip('"').encode()
        parts = {}
        for part in raw.split(boundary)[1:-1]:
            head, _, value = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
            name = head.split(b'name="')[1].split(b'"')[0].decode()
            parts[name.removesuffix("[]")] = value.removesuffix(b"\r\n")
        return parts

    def pictures(self):
        usage = {"input_tokens": 10, "output_tokens": 20, "total_tokens": 30, "input_tokens_details": {"text_tokens": 10, "image_tokens": 0}}
        self.whole({"created": 1741570283, "data": [{"b64_json": PIXEL}], "usage": usage})

    def sound(self):
        """In three pieces, a while apart."""
        self.said = ""
        self.stream(SOUND, "audio/mpeg", pause=0.15)

    def asked(self, body):
        """Calls with a body of JSON; tells whether this is one of them."""
        path = self.path.split("?")[0]
        if path.endswith("/images/generations"):
            self.pictures()
        elif path.endswith(":predict"):
            self.whole({"predictions": [{"mimeType": "image/png", "bytesBase64Encoded": PIXEL}]})
        elif path.endswith("/rerank"):
            self.ranked(body)
        elif path.endswith("/api/embed"):
            self.whole({"model": body["model"], "embeddings": [[1.0, 2.0, 3.0] for _ in body["input"]], "prompt_eval_count": 5})
        elif path.endswith("/invoke") and "inputText" in body:
            self.whole({"embedding": [1.0, 2.0, 3.0], "inputTextTokenCount": 5})
        else:
            return False
        return True

    def ranked(self, body):
        """The last document is the best."""
        best = len(body["documents"]) - 1
        results = [{"index": best, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]
        if "rerank-2.5" in body["model"]:
            return self.whole({"object": "list", "data": results, "model": body["model"], "usage": {"total_tokens": 26}})
        usage = {"meta": {"billed_units": {"search_units": 1}}} if "rerank-v3.5" in body["model"] else {"usage": {"total_tokens": 38}}
        self.whole({"id": "r1", "results": results, **usage})
