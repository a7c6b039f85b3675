#!/bin/bash
# Makes the certificates of these tests, with OpenSSL 3, in the folder of this script. The keys are thrown away.
# Dates are fixed; serial numbers, keys and so fingerprints are new each time: run the tests with INSTA_UPDATE=always after it.
set -euo pipefail
out=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat > ca.cnf <<'C'
[ca]
default_ca = all
[all]
database = index.txt
new_certs_dir = .
default_md = sha256
policy = any
copy_extensions = none
unique_subject = no
rand_serial = yes
email_in_dn = no
[any]
countryName = optional
organizationName = optional
commonName = optional
C
touch index.txt

key() { # key NAME KIND
  case $2 in
    rsa*) openssl genpkey -quiet -algorithm RSA -pkeyopt "rsa_keygen_bits:${2#rsa}" "${@:3}" -out "$1.key" ;;
    ec*) openssl genpkey -quiet -algorithm EC -pkeyopt "ec_paramgen_curve:P-${2#ec}" -out "$1.key" ;;
    *) openssl genpkey -quiet -algorithm "$2" -out "$1.key" ;;
  esac 2>/dev/null
}

# issue NAME KEY-KIND ISSUER SUBJECT START END EXTENSIONS [OPTIONS OF `openssl ca`]
issue() {
  local name=$1 kind=$2 issuer=$3 subject=$4 start=$5 end=$6 extensions=$7
  [ -e "$name.key" ] || key "$name" "$kind"
  printf '%b\n' "$extensions" > "$name.ext"
  openssl req -new -key "$name.key" -subj "$subject" -out "$name.csr"
  local by=(-cert "$issuer.crt" -keyfile "$issuer.key")
  [ "$issuer" = "$name" ] && by=(-selfsign -keyfile "$name.key")
  openssl ca -config ca.cnf -batch -notext "${by[@]}" -in "$name.csr" -out "$name.crt" \
    -startdate "$start" -enddate "$end" -extfile "$name.ext" "${@:8}" 2>ca.log || { cat ca.log; exit 1; }
}

chain() { # chain NAME CERTIFICATE...
  local name=$1; shift
  for each; do openssl x509 -in "$each.crt"; done > "$out/$name.pem"
}

authority='basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always'
end='basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always'
addresses='authorityInfoAccess=OCSP;URI:http://ocsp.example.net/,caIssuers;URI:http://ca.example.net/issuing.cer'
server="$end\n$addresses\nsubjectAltName=DNS:shop.example.com,DNS:*.cdn.example.com,IP:192.0.2.7"
shop=/CN=shop.example.com
old=20200101000000Z; late=20400101000000Z; from=20260601000000Z; to=20261214235959Z

issue root rsa2048 root "/O=Lockfast tests/CN=Root" $old $late "$authority"
issue issuing rsa2048 root "/O=Lockfast tests/CN=Issuing" $old $late "$authority\nextendedKeyUsage=serverAuth"
issue other rsa2048 other "/O=Others/CN=Root" $old $late "$authority"
chain root root; chain other-root other

issue good ec256 issuing $shop $from $to "$server"; chain good good issuing
issue rsa rsa3072 issuing $shop $from $to "$server"; chain rsa rsa issuing
issue pss ec256 issuing $shop $from $to "$server" -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32; chain pss pss issuing
issue root521 ec521 root521 "/CN=Root on P-521" $old $late "$authority"
issue issuing25519 ED25519 root521 "/CN=Issuing with Ed25519" $old $late "$authority" -md sha512
issue curves ec384 issuing25519 $shop $from $to "$server" -md default; chain curves curves issuing25519; chain root521 root521

# An old certificate of an issuer's key beside the new one.
cp issuing.key before.key
issue before - root "/O=Lockfast tests/CN=Issuing" $old 20251231000000Z "$authority"
chain old-beside-new good before issuing

issue expired ec256 issuing $shop 20260101000000Z 20260501000000Z "$server"; chain expired expired issuing
issue early ec256 issuing $shop 20270101000000Z 20270301000000Z "$server"; chain not-yet-valid early issuing
issue ended rsa2048 root "/O=Lockfast tests/CN=Ended" $old 20261001000000Z "$authority"
issue under-ended ec256 ended $shop $from $to "$server"; chain expired-intermediate under-ended ended
issue self ec256 self $shop $from $to "basicConstraints=CA:TRUE\nsubjectAltName=DNS:shop.example.com"; chain self-signed self
chain missing-intermediate good
issue no-address ec256 issuing $shop $from $to "$end\nsubjectAltName=DNS:shop.example.com"; chain unknown-issuer no-address
issue foreign ec256 other $shop $from $to "$server"; chain unknown-root foreign other
issue client ec256 issuing $shop $from $to "${server/serverAuth/clientAuth}"; chain wrong-usage client issuing
issue not-authority ec256 good $shop $from $to "$server"; chain not-an-authority not-authority good issuing
issue narrow rsa2048 root "/O=Lockfast tests/CN=Narrow" $old $late "$authority\nnameConstraints=critical,permitted;DNS:example.org"
issue outside ec256 narrow $shop $from $to "$server"; chain name-constraints outside narrow
issue sha1 ec256 issuing $shop $from $to "$server" -md sha1; chain sha1 sha1 issuing
issue md5 ec256 issuing $shop $from $to "$server" -md md5; chain md5 md5 issuing
issue issuing-sha1 rsa2048 root "/O=Lockfast tests/CN=Issuing by SHA-1" $old $late "$authority" -md sha1
issue under-sha1 ec256 issuing-sha1 $shop $from $to "$server"; chain sha1-intermediate under-sha1 issuing-sha1
issue issuing-small rsa1024 root "/O=Lockfast tests/CN=Small" $old $late "$authority"
issue under-small rsa1024 issuing-small $shop $from $to "$server"; chain small-keys under-small issuing-small
openssl x509 -req -in good.csr -CA issuing.crt -CAkey issuing.key -days 300 -out version1.crt 2>/dev/null; chain version1 version1 issuing
# An authority of the same name, made anew.
issue namesake rsa2048 namesake "/O=Lockfast tests/CN=Issuing" $old $late "$authority"
issue strange ec256 namesake $shop $from $to "$server"; chain same-name strange issuing
# A wrong signature: its last bit is another one.
openssl x509 -in good.crt -outform DER | python3 -c 'import sys; der = bytearray(sys.stdin.buffer.read()); der[-1] ^= 1; sys.stdout.buffer.write(der)' |
  openssl x509 -inform DER -out tampered.crt
chain bad-signature tampered issuing
issue no-names ec256 issuing $shop $from $to "$end\n$addresses"; chain no-names no-names issuing
key messy rsa2052 -pkeyopt rsa_keygen_pubexp:3
issue messy - issuing "/CN=other.example.com" 20260601000000Z 20270801000000Z "basicConstraints=CA:FALSE\nkeyUsage=keyCertSign\nextendedKeyUsage=serverAuth,2.5.29.37.0\nsubjectAltName=DNS:my_shop.example.com,DNS:w*.example.com,DNS:*.com,DNS:intern,DNS:db.corp,DNS:-bad-.example.com,IP:10.0.0.7,IP:fd00::7"
chain messy messy issuing
issue wordy ec256 issuing $shop $from $to "$server\n1.2.3.4.5=critical,ASN1:NULL"; chain critical-extension wordy issuing

# OCSP (RFC 6960): by the issuer, by a responder of it, by one of nobody; good, revoked, of another certificate.
issue staple ec256 issuing $shop $from $to "$server\ntlsfeature=status_request"; chain must-staple staple issuing
issue responder ec256 issuing "/CN=Responder" $from $late "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=OCSPSigning\nnoCheck=ignored"
issue nobody ec256 issuing "/CN=Nobody" $from $late "$end"
ocsp() { # ocsp FILE CERTIFICATE SIGNER [OPTIONS]
  openssl ocsp -issuer issuing.crt -cert "$2.crt" -no_nonce -reqout request.der
  openssl ocsp -index index.txt -CA issuing.crt -rsigner "$3.crt" -rkey "$3.key" -reqin request.der -respout "$out/$1.ocsp" "${@:4}" >/dev/null
}
ocsp good staple issuing -ndays 7
ocsp delegated staple responder -ndays 7
ocsp nobody staple nobody -ndays 7
ocsp other good issuing -ndays 7
ocsp stale staple issuing -nmin 1
openssl ca -config ca.cnf -keyfile issuing.key -cert issuing.crt -revoke staple.crt -crl_reason keyCompromise 2>/dev/null
ocsp revoked staple issuing -ndays 7
: > index.txt
ocsp unknown staple issuing -ndays 7

# Files that people keep certificates in.
openssl pkcs12 -export -inkey good.key -in good.crt -certfile issuing.crt -passout pass:swordfish -out "$out/good.p12"
openssl pkcs12 -export -inkey good.key -in good.crt -certfile issuing.crt -passout pass: -out "$out/open.p12"
openssl pkcs12 -export -legacy -inkey good.key -in good.crt -certfile issuing.crt -passout pass:swordfish -out "$out/legacy.p12"
openssl crl2pkcs7 -nocrl -certfile "$out/good.pem" -out "$out/good.p7b.pem"
openssl crl2pkcs7 -nocrl -certfile "$out/good.pem" -outform DER -out "$out/good.p7b"
openssl x509 -in good.crt -outform DER -out "$out/good.der"
openssl x509 -in good.crt -trustout -addtrust serverAuth -out "$out/trusted.pem"
