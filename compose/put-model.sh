#!/bin/sh
# put-model.sh URL MODEL FILE: gives a running Ollama a model from a GGUF file, through its own API.
set -eu
url=$1 model=$2 file=$3
digest=sha256:$(sha256sum "$file" | cut -d' ' -f1)
curl -fsS "$url/api/tags" | grep -qF "\"$model" && exit 0
curl -fsS -X POST -T "$file" "$url/api/blobs/$digest"
curl -fsS "$url/api/create" -d "{\"model\":\"$model\",\"files\":{\"tiny.gguf\":\"$digest\"},\"parameters\":{\"num_ctx\":2048,\"num_thread\":1},\"stream\":false}"
