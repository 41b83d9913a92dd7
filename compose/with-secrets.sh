#!/bin/sh
# with-secrets.sh COMMAND [ARGUMENT...]: runs the command with each file of /run/secrets whose name is that of an
# environment variable (capitals, digits, _) as that variable, without the newlines at its end. What comes this way
# stands in no image and in no container's configuration, so `docker inspect` can't show it.
set -eu
for file in "${SECRETS_DIR:-/run/secrets}"/*; do
  name=${file##*/}
  case $name in # spelt out: what A-Z means depends on the locale
    [!ABCDEFGHIJKLMNOPQRSTUVWXYZ]* | *[!ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_]*) continue ;;
  esac
  [ -f "$file" ] || continue
  value=$(cat "$file") || { echo "with-secrets.sh: can't read the secret $name" >&2; exit 1; }
  export "$name=$value"
done
unset file name value # in case they came from outside and are exported
exec "$@"
