#!/bin/sh
# start.sh FIXED CVE FILE: nginx in the foreground, with "http2 on;" in FILE where this nginx is known to be without that
# hole: a stable release from FIXED on, or one whose package's changelog names it. Looked at with each start, because only
# the image knows. Mainline releases (an odd second number) are mended by other numbers: their changelog must name it.
fixed=$1 cve=$2 file=$3

is_new_enough() {
  nginx -v 2>&1 | sed -n 's|^.*nginx/||p' | awk -F'[. ]' -v fixed="$fixed" '
    { split(fixed, least, "."); has = ($1 * 1000 + $2) * 1000 + $3; wanted = (least[1] * 1000 + least[2]) * 1000 + least[3] }
    END { exit !(NR && $2 % 2 == 0 && has >= wanted) }'
}
names_the_fix() { gzip -dc /usr/share/doc/nginx*/changelog*.gz 2>/dev/null | grep -qF "$cve"; }

if is_new_enough || names_the_fix; then
  echo "http2 on;" >"$file"
else
  echo "# off: this nginx is below $fixed, and its changelog does not name $cve" >"$file"
  echo "[notice] HTTP/2 is off: this nginx is below $fixed, and its changelog does not name $cve" >&2
fi
exec nginx -c "${0%/*}/nginx.conf" -g "daemon off;"
