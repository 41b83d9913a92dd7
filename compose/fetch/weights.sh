#!/bin/sh
# weights.sh look|intact TREE|adopt TREE: what a volume holds of a model's weights. Environment: WORKSHOP_VOLUME, WORKSHOP_KEY.
# The marker .workshop/KEY is written last and lists the files, one line each: SIZE SHA256 PATH.
# look: tells the free bytes, and where the marker is there, all sizes are right and no file is of another form than its
# name says (a web page, a pointer of Git LFS), the marker.
# intact: which files of the list that was laid beside it are here as they should be, from a copy that was cut off.
# adopt: takes over what was copied here, with the list that was copied beside it: all digests must be right.
set -eu
cd "$WORKSHOP_VOLUME"
marker=.workshop/$WORKSHOP_KEY

sizes_are_right() {
  while read -r size _ path; do
    [ "$(stat -L -c %s -- "$path" 2>/dev/null)" = "$size" ] || return 1
  done <"$1"
}

are_weights() {
  while read -r _ _ path; do
    case $path in
      *.gguf) [ "$(head -c 4 -- "$path")" = GGUF ] || return 1 ;;
      *.safetensors) [ "$(head -c 9 -- "$path" | tail -c 1)" = "{" ] || return 1 ;;
    esac
  done <"$1"
}

case $1 in
  look)
    set -- $(df -Pk . | tail -n 1)
    echo "WORKSHOP free $(($4 * 1024))"
    if [ -s "$marker" ] && sizes_are_right "$marker" && are_weights "$marker"; then
      sed 's/^/WORKSHOP file /' "$marker"
    fi
    ;;
  intact)
    [ -e "$2" ] || exit 0
    while read -r size sum path; do
      [ -f "$path" ] && [ "$(stat -c %s -- "$path")" = "$size" ] || continue
      if echo "$sum  $path" | sha256sum --check --status -; then
        echo "WORKSHOP intact $path"
      fi
    done </workshop-fetch/list
    ;;
  adopt)
    list=/workshop-fetch/list
    if ! sizes_are_right "$list" || ! sed 's/^[0-9]* \([0-9a-f]*\) /\1  /' "$list" | sha256sum --check --status -; then
      rm -rf -- "$2"
      echo "WORKSHOP failed what was copied is damaged"
      exit 1
    fi
    mkdir -p .workshop
    cp "$list" "$marker.new"
    sync
    mv "$marker.new" "$marker"
    ;;
esac
