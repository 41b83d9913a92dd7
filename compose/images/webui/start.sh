#!/bin/bash
# The entry point that Open WebUI's own image has under this name; here it runs the installed package.
set -eu
cd "$(dirname "$0")"
if [ -z "${WEBUI_SECRET_KEY:-}" ]; then # empty is as good as absent, and the server would not start with it
  key_file=data/.webui_secret_key
  [ -s "$key_file" ] || (umask 077 && head -c 32 /dev/urandom | base64 > "$key_file")
  WEBUI_SECRET_KEY=$(cat "$key_file")
  export WEBUI_SECRET_KEY
fi
exec open-webui serve --host "${HOST:-0.0.0.0}" --port "${PORT:-8080}"
