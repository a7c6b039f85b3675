#!/bin/sh
# The example's certificates, into a folder: old.pem, signed by itself, and new.pem, signed by authority.pem.
set -eu
cd "$1"
quiet() { "$@" 2>error.log || { cat error.log >&2; exit 1; }; }

quiet openssl req -x509 -nodes -days 30 -sha1 -newkey rsa:1024 -subj "/CN=localhost" -keyout old.key -out old.pem

quiet openssl req -x509 -nodes -days 30 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj "/CN=Lockfast example authority" \
  -addext "keyUsage=critical,keyCertSign,cRLSign" -keyout authority.key -out authority.pem
quiet openssl req -new -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj "/CN=localhost" -keyout new.key -out new.csr
cat >new.ext <<END
subjectAltName=DNS:localhost,IP:127.0.0.1
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
authorityKeyIdentifier=keyid
END
quiet openssl x509 -req -days 30 -in new.csr -CA authority.pem -CAkey authority.key -CAcreateserial -extfile new.ext -out new.pem
