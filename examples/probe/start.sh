#!/bin/sh
# Starts the example's servers on 127.0.0.1; `start.sh stop` ends them. Needs nginx and openssl.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder="$here/run"
PATH="$PATH:/usr/sbin:/usr/local/sbin"

for program in nginx openssl; do
  command -v "$program" >/dev/null || { echo "$program is not installed; on Debian: apt-get install nginx-light openssl" >&2; exit 1; }
done

# nginx reads the certificates from the folder of its configuration.
run() { nginx -p "$folder" -e error.log -c "$folder/nginx.conf" "$@"; }

if [ -f "$folder/nginx.pid" ]; then
  run -s stop || true
fi
if [ "${1:-}" = stop ]; then
  rm -rf "$folder"
  exit
fi
rm -rf "$folder"
mkdir -m 700 "$folder"
sh "$here/make-certificate.sh" "$folder"
cp "$here/nginx.conf" "$folder"
run
cat <<END
old     lockfast probe 127.0.0.1:8443
mended  lockfast probe 127.0.0.1:8444 --roots $folder/authority.pem
plain   lockfast probe 127.0.0.1:8080
stop    sh $here/start.sh stop
END
