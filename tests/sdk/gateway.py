"""Starts the upstream and the gateway for a suite.

    python3 gateway.py         prints the gateway's address and key as JSON and serves until standard input closes

LOCKGATE_BIN names the binary.
"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).parent
KEY = "sk-sdk-suite-7f3a9b2c4d5e6f708192a3b4c5d6e7f8"
AWS = {"aws_region_name": "us-west-2", "aws_access_key_id": "AKIDUPSTREAM", "aws_secret_access_key": "secret/of+upstream", "aws_session_token": "token/of+upstream=="}
PROFILE = "arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/a1b2c3d4e5f6"
CONFIG = """
model_list:
  - model_name: gpt
    litellm_params: {{model: openai/gpt-4o, api_key: sk-up, api_base: "{url}/v1"}}
  - model_name: claude
    litellm_params: {{model: anthropic/claude-sonnet-4-5, api_key: sk-ant-up, api_base: "{url}"}}
  - model_name: local
    litellm_params: {{model: hosted_vllm/llama-3.1-8b, api_base: "{url}/v1"}}
  - model_name: groq
    litellm_params: {{model: groq/openai/gpt-oss-120b, api_key: sk-up, api_base: "{url}/openai/v1"}}
  - model_name: seek
    litellm_params: {{model: deepseek/deepseek-chat, api_key: sk-up, api_base: "{url}/v1"}}
  - model_name: embed
    litellm_params: {{model: openai/text-embedding-3-small, api_key: sk-up, api_base: "{url}/v1"}}
  - model_name: instruct
    litellm_params: {{model: text-completion-openai/gpt-3.5-turbo-instruct, api_key: sk-up, api_base: "{url}/v1"}}
  - model_name: moderate
    litellm_params: {{model: openai/omni-moderation-latest, api_key: sk-up, api_base: "{url}/v1"}}
  - model_name: gem
    litellm_params: {{model: gemini/gemini-2.5-flash, api_key: sk-goog-up, api_base: "{url}"}}
  - model_name: command
    litellm_params: {{model: cohere/command-a-03-2025, api_key: sk-co-up, api_base: "{url}"}}
  - model_name: gem-embed
    litellm_params: {{model: gemini/gemini-embedding-001, api_key: sk-goog-up, api_base: "{url}"}}
  - model_name: co-embed
    litellm_params: {{model: cohere/embed-v4.0, api_key: sk-co-up, api_base: "{url}"}}
  - model_name: "us.amazon.nova-pro-v1:0"
    litellm_params: {{model: "bedrock/converse/us.amazon.nova-pro-v1:0", aws_bedrock_runtime_endpoint: "{url}", {aws}}}
  - model_name: profile
    litellm_params: {{model: "bedrock/converse/{profile}", aws_bedrock_runtime_endpoint: "{url}", {aws}}}
  - model_name: titan
    litellm_params: {{model: bedrock/amazon.titan-embed-text-v2:0, aws_bedrock_runtime_endpoint: "{url}", {aws}}}
  - model_name: ollama-embed
    litellm_params: {{model: ollama/nomic-embed-text, api_base: "{url}"}}
  - model_name: plain-embed
    litellm_params: {{model: hosted_vllm/bge-m3, api_base: "{url}/plain/v1"}}
  - model_name: picture
    litellm_params: {{model: openai/gpt-image-1, api_key: sk-up, api_base: "{url}/v1"}}
  - model_name: imagen
    litellm_params: {{model: gemini/imagen-4.0-generate-001, api_key: sk-goog-up, api_base: "{url}"}}
  - model_name: ears
    litellm_params: {{model: openai/whisper-1, api_key: sk-up, api_base: "{url}/v1"}}
  - model_name: deep-ears
    litellm_params: {{model: deepgram/nova-3, api_key: sk-up, api_base: "{url}/v1"}}
  - model_name: eleven-ears
    litellm_params: {{model: elevenlabs/scribe_v1, api_key: sk-up, api_base: "{url}"}}
  - model_name: voice
    litellm_params: {{model: openai/tts-1, api_key: sk-up, api_base: "{url}/v1"}}
  - model_name: eleven-voice
    litellm_params: {{model: elevenlabs/eleven_multilingual_v2, api_key: sk-up, api_base: "{url}"}}
  - model_name: rank
    litellm_params: {{model: cohere/rerank-v3.5, api_key: sk-co-up, api_base: "{url}"}}
  - model_name: rank-jina
    litellm_params: {{model: jina_ai/jina-reranker-v2-base-multilingual, api_key: sk-up, api_base: "{url}/v1/rerank"}}
  - model_name: rank-voyage
    litellm_params: {{model: voyage/rerank-2.5, api_key: sk-up, api_base: "{url}/v1"}}
  - model_name: demo
    litellm_params: {{model: demo/echo}}
litellm_settings: {{num_retries: 0}}
router_settings: {{num_retries: 0, disable_cooldowns: true}}
general_settings: {{master_key: {key}}}
"""


class Gateway:
    """A running upstream and gateway."""

    def __init__(self):
        self.key = KEY
        self.upstream = subprocess.Popen([sys.executable, HERE / "upstream.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.upstream_url = url = f"http://127.0.0.1:{int(self.upstream.stdout.readline())}"
        self.data = tempfile.TemporaryDirectory(prefix="lockgate-sdk-")
        config = pathlib.Path(self.data.name, "config.yaml")
        config.write_text(CONFIG.format(url=url, key=KEY, aws=json.dumps(AWS)[1:-1], profile=PROFILE))
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = open(pathlib.Path(self.data.name, "log"), "wb")
        binary = os.environ.get("LOCKGATE_BIN") or HERE.parent.parent / "target/debug/lockgate"
        command = [binary, "serve", "--config", config, "--host", "127.0.0.1", "--port", str(port), "--data", self.data.name]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.wait()

    def wait(self):
        for _ in range(300):
            try:
                with urllib.request.urlopen(self.url + "/health/readiness", timeout=1) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                pass
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        log = pathlib.Path(self.log.name).read_text()
        self.stop()
        raise RuntimeError(f"the gateway did not start:\n{log}")

    def stop(self):
        self.process.terminate()
        self.upstream.stdin.close()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.upstream.wait(15)
        self.log.close()
        self.data.cleanup()


if __name__ == "__main__":
    gateway = Gateway()
    print(json.dumps({"url": gateway.url, "key": gateway.key}), flush=True)
    sys.stdin.read()
    gateway.stop()
