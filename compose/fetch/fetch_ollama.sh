#!/bin/sh
# fetch_ollama.sh MODEL: pulls a model into Ollama's volume, unless it is there: Ollama goes on with broken downloads, checks
# their digests, and writes the model's manifest last, so that no marker is needed and nobody is asked twice.
set -eu
ollama serve >/dev/null 2>&1 &
until ollama list >/dev/null 2>&1; do sleep 0.2; done
if ollama show "$1" >/dev/null 2>&1; then
  exit 0
fi
(while sleep 3; do echo "WORKSHOP have $(du -sk "$WORKSHOP_VOLUME" | sed 's/[^0-9].*//')000"; done) &
exec ollama pull "$1"
