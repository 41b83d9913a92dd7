#!/bin/sh
# fetch_parts.sh hub|url URL PATH COUNT: all parts of a GGUF file, URL and PATH being those of the first, one after the
# other by fetch_file.sh, once all are known to be there. A part that came is marked, and not asked for again; the marker of
# weights.sh is written last.
set -eu
kind=$1 count=$4
cd "$WORKSHOP_VOLUME"
marker=.workshop/$WORKSHOP_KEY
of=-of-${2##*-of-}
url=${2%-00001"$of"}
path=${3%-00001"$of"}
mkdir -p .workshop "$(dirname -- "$path")"

each_part() { # [ask]
  number=1
  while [ "$number" -le "$count" ]; do
    part=$(printf '%s-%05d%s' "$path" "$number" "$of")
    if [ ! -s "$marker.$number" ] || [ ! -e "$part" ]; then
      from=$(printf '%s-%05d%s' "$url" "$number" "$of")
      WORKSHOP_KEY=$WORKSHOP_KEY.$number sh "${0%/*}/fetch_file.sh" "$kind" "$from" "$part" "$@"
    fi
    number=$((number + 1))
  done
}
each_part ask
each_part

number=1
while [ "$number" -le "$count" ]; do
  cat "$marker.$number"
  number=$((number + 1))
done >"$marker.new"
sync
mv "$marker.new" "$marker"
all=0
while read -r size _; do all=$((all + size)); done <"$marker"
number=1
while [ "$number" -le "$count" ]; do
  rm -f -- "$marker.$number"
  number=$((number + 1))
done
echo "WORKSHOP have $all $all"
