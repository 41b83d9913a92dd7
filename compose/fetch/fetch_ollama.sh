#!/bin/sh
# fetch_ollama.sh pull MODEL | create MODEL PATH: a model into the folder OLLAMA_MODELS of Ollama's volume, which is this
# model's alone: pulled (Ollama goes on with broken downloads), or made of a GGUF file, or of a folder with a Modelfile.
# `ollama create` lays the files into blobs/ and writes the manifest last. Then every file's SHA-256 is taken, which for a
# blob is its name, and the marker of weights.sh is written. Environment: WORKSHOP_VOLUME, WORKSHOP_KEY, OLLAMA_MODELS.
set -eu
how=$1 model=$2
cd "$WORKSHOP_VOLUME"
tree=${OLLAMA_MODELS#"$WORKSHOP_VOLUME"/}
mkdir -p "$tree" .workshop

fail() {
  echo "WORKSHOP failed $1"
  exit 1
}

ollama serve >/tmp/ollama.log 2>&1 &
serving=$!
until ollama list >/dev/null 2>&1; do
  kill -0 "$serving" 2>/dev/null || fail "Ollama does not start: $(tail -n 1 /tmp/ollama.log)"
  sleep 0.2
done

if ! ollama show "$model" >/dev/null 2>&1; then
  (while sleep 3; do echo "WORKSHOP have $(du -sk "$tree" | sed 's/[^0-9].*//')000"; done) &
  telling=$!
  if [ "$how" = pull ]; then
    ollama pull "$model" >/tmp/said 2>&1 || fail "ollama pull $model: $(tail -n 1 /tmp/said)"
  else
    made=$3/Modelfile
    if [ -f "$3" ]; then
      made=/tmp/Modelfile
      printf 'FROM %s\n' "$3" >"$made"
    fi
    [ -f "$made" ] || fail "$3 is neither a GGUF file nor a folder with a Modelfile"
    ollama create "$model" -f "$made" >/tmp/said 2>&1 || fail "ollama create $model: $(tail -n 1 /tmp/said)"
  fi
  kill "$telling"
fi

marker=.workshop/$WORKSHOP_KEY
find "$tree" -type f ! -name '*-partial*' | sort | while read -r path; do
  sum=$(sha256sum -- "$path")
  sum=${sum%% *}
  name=${path##*/}
  case $name in
    sha256-*) [ "$name" = "sha256-$sum" ] || echo "$path" >&2 ;;
  esac
  printf '%s %s %s\n' "$(stat -c %s -- "$path")" "$sum" "$path"
done >"$marker.new" 2>/tmp/damaged
if [ -s /tmp/damaged ]; then
  while read -r path; do rm -f -- "$path"; done </tmp/damaged
  rm -rf -- "$tree/manifests" "$marker.new" # so that it is fetched again
  fail "$model came damaged: a file's SHA-256 is not its name; run it again"
fi
sync
mv "$marker.new" "$marker"
all=0
while read -r size _; do all=$((all + size)); done <"$marker"
echo "WORKSHOP have $all $all"
