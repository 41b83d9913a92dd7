#!/bin/sh
# fetch_file.sh hub|url URL PATH [ask]: one GGUF file into a volume. A broken download is gone on with by the next run; what the
# hub says of size and SHA-256 (X-Linked-Size, X-Linked-ETag) must be right, and the first bytes be those of a GGUF file.
# The marker of weights.sh is written last. `ask`: only whether the file can be had.
# The token of HF_TOKEN is for the hub only; it stands in no argument list. Exit: 3 refused, 4 no room, 1 anything else.
set -eu
kind=$1 url=$2 path=$3
part=$path.part
cd "$WORKSHOP_VOLUME"
tries=6 # in a row without a new byte

ask() {
  if [ "$kind" = hub ] && [ -n "${HF_TOKEN:-}" ]; then
    printf 'header = "Authorization: Bearer %s"\n' "$HF_TOKEN" | curl -g -K - "$@"
  else
    curl -g "$@"
  fi
}

fail() { # CODE TEXT
  echo "WORKSHOP failed $2"
  exit "$1"
}

refused() { # STATUS
  case $1 in
    401 | 403) fail 3 "the server refuses it ($1): give the model the right HF_TOKEN, and accept its licence in a browser: $url" ;;
    404) fail 3 "there is no such file (404): $url" ;;
  esac
}

must_be_gguf() { # PATH: what is something else is thrown away
  first=$(head -c 512 -- "$1" | tr -d '\0' | tr 'A-Z' 'a-z' | tr -s ' \t\n' ' ')
  case $first in
    gguf*) return ;;
    "version https://git-lfs"*) what="a Git LFS pointer, not the file that it points to" ;;
    "<!doctype"* | " <!doctype"* | "<html"* | " <html"* | "<?xml"*) what="a web page, not a GGUF file" ;;
    *) what="no GGUF file: it does not begin like one" ;;
  esac
  rm -f -- "$1"
  fail 1 "what came is $what: $url"
}

bytes_of() {
  stat -c %s -- "$1" 2>/dev/null || echo 0
}

headers=$(ask -sSIL --connect-timeout 30 --retry 3 -w '\nstatus %{http_code}\n' "$url" | tr -d '\r' | tr 'A-Z' 'a-z') || true
status=$(printf '%s\n' "$headers" | sed -n 's/^status //p')
refused "$status"
[ "${4:-}" != ask ] || exit 0
size=$(printf '%s\n' "$headers" | sed -n 's/^x-linked-size: *//p' | tail -n 1)
sum=
if [ "$kind" = hub ]; then
  sum=$(printf '%s\n' "$headers" | sed -n 's/^x-linked-etag: *"\{0,1\}\([0-9a-f]\{64\}\)"\{0,1\}$/\1/p' | tail -n 1)
fi
if [ -z "$size" ] && [ "$status" = 200 ]; then
  size=$(printf '%s\n' "$headers" | sed -n 's/^content-length: *//p' | tail -n 1)
fi
tag=$(printf '%s\n' "$headers" | sed -n 's/^etag: *//p' | tail -n 1)

if [ "$(cat "$part.tag" 2>/dev/null)" != "$sum$tag" ]; then # another file of that name by now
  rm -f -- "$part"
  printf '%s\n' "$sum$tag" >"$part.tag"
fi

damaged=0
while :; do
  if [ -n "$size" ]; then
    need=$((size - $(bytes_of "$part")))
    room=$(df -Pk . | tail -n 1)
    # shellcheck disable=SC2086
    set -- $room
    [ "$need" -le $(($4 * 1024)) ] || fail 4 "no room: it needs $need bytes and $(($4 * 1024)) are free"
  fi
  left=$tries
  while [ "$(bytes_of "$part")" -ne "${size:--1}" ]; do
    before=$(bytes_of "$part")
    ask -fsSL -C - --connect-timeout 30 --speed-limit 1 --speed-time 60 -w 'status %{http_code}\n' -o "$part" "$url" \
      >"$part.said" 2>"$part.why" &
    fetching=$!
    beat=0
    while kill -0 "$fetching" 2>/dev/null; do
      beat=$((beat + 1))
      [ $((beat % 10)) -ne 1 ] || echo "WORKSHOP have $(bytes_of "$part") ${size:-}"
      sleep 0.2
    done
    if wait "$fetching"; then
      [ -n "$size" ] || break
    fi
    refused "$(sed -n 's/^status //p' "$part.said")"
    now=$(bytes_of "$part")
    if [ -n "$size" ] && [ "$now" -gt "$size" ]; then
      rm -f -- "$part"
    fi
    if [ "$now" -gt "$before" ]; then left=$tries; else left=$((left - 1)); fi
    [ "$left" -gt 0 ] || fail 1 "$(tail -n 1 "$part.why") ($url)"
    [ "$now" -eq "${size:--1}" ] || sleep 1
  done
  got=$(sha256sum -- "$part")
  got=${got%% *}
  if [ -z "$sum" ] || [ "$got" = "$sum" ]; then
    must_be_gguf "$part"
    break
  fi
  rm -f -- "$part"
  damaged=$((damaged + 1))
  echo "WORKSHOP note it came damaged and is fetched again"
  [ "$damaged" -lt 2 ] || fail 1 "it came damaged twice: its SHA-256 is not what the hub says ($url)"
done

mkdir -p .workshop
name=${path#"$WORKSHOP_VOLUME"/}
sync
mv -- "$part" "$path"
rm -f -- "$part.tag" "$part.said" "$part.why"
printf '%s %s %s\n' "$(bytes_of "$path")" "$got" "$name" >".workshop/$WORKSHOP_KEY.new"
mv ".workshop/$WORKSHOP_KEY.new" ".workshop/$WORKSHOP_KEY"
echo "WORKSHOP have $(bytes_of "$path") $(bytes_of "$path")"
