#!/bin/sh
# Starts an account to try `lockfast keys` in, on 127.0.0.1: moto, and this project's strict fake of AWS KMS beside it; makes keys, three
# people with SSH keys, and a policy file. `start.sh stop` ends it. Needs python3 and ssh-keygen.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
folder="$here/run"

for program in python3 ssh-keygen; do
  command -v "$program" >/dev/null || { echo "$program is not installed; on Debian: apt-get install python3-venv openssh-client" >&2; exit 1; }
done
if [ -f "$folder/pids" ]; then
  xargs kill <"$folder/pids" 2>/dev/null || true
fi
rm -rf "$folder"
if [ "${1:-}" = stop ]; then
  exit
fi
mkdir -m 700 "$folder"

python=${LOCKFAST_MOTO_PYTHON:-$here/venv/bin/python}
if [ ! -x "$python" ]; then
  echo "installing moto into $here/venv" >&2
  python3 -m venv "$here/venv"
  "$here/venv/bin/pip" install --quiet --require-hashes -r "$root/tests/moto/requirements.txt"
fi
MOTO_ACCOUNT_ID=111111111111 "$python" "$root/tests/moto/server.py" -p 5990 >"$folder/moto.log" 2>&1 &
echo $! >"$folder/pids"
"$python" "$root/tests/kms-fake/kms_fake.py" --port 5991 >"$folder/kms.log" 2>&1 &
echo $! >>"$folder/pids"
"$python" "$here/seed.py" "$folder"
for name in anna ben cleo; do
  ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$folder/$name"
done
cat >"$folder/lockfast.toml" <<TOML
[[classification.rule]]
classification = "restricted"
names = ["*"]

[approvals]
quorum = 2
observation_hours = 0 # a week in earnest: 168
broker_role = "arn:aws:iam::111111111111:role/lockfast-key-deletion"

[[approvals.person]]
name = "anna"
keys = ["$(cat "$folder/anna.pub")"]

[[approvals.person]]
name = "ben"
roles = ["security"]
keys = ["$(cat "$folder/ben.pub")"]

[[approvals.person]]
name = "cleo"
keys = ["$(cat "$folder/cleo.pub")"]
TOML
cat >"$folder/env" <<ENV
export AWS_ENDPOINT_URL=http://127.0.0.1:5990 AWS_ENDPOINT_URL_KMS=http://127.0.0.1:5991 AWS_ENDPOINT_URL_CLOUDTRAIL=http://127.0.0.1:5991
export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE AWS_SECRET_ACCESS_KEY=none AWS_REGION=eu-central-1 AWS_EC2_METADATA_DISABLED=true
ENV
old=$(cat "$folder/old")
orders=$(cat "$folder/orders")
cat <<TEXT
cd $folder && . ./env
lockfast scan --region eu-central-1 --region eu-west-1 --service kms,iam,s3,secretsmanager,sqs --no-judge --snapshot now.snapshot
lockfast keys --from now.snapshot
lockfast keys map alias/orders --from now.snapshot
lockfast who-can decrypt alias/orders --escalations --from now.snapshot
lockfast keys rotate --from now.snapshot          # the plan; --apply does it
lockfast keys recovery-drill $orders
lockfast keys request-deletion $old --reason "replaced in spring" --requester anna --from now.snapshot \\
  --override-reason "only these services are used here"
lockfast keys approve REQUEST --key ben           # and --key cleo
lockfast keys delete REQUEST --apply --trail-delay 0 --from now.snapshot
lockfast keys cancel REQUEST --by ben --reason "too early"
lockfast ledger verify
lockfast respond key-compromise alias/orders --rehearsal --by anna --reason "a rehearsal" --current-only --from now.snapshot \\
  --suspect arn:aws:iam::111111111111:role/operator --apply
lockfast incident status INCIDENT                 # and resume, confirm, close
lockfast incident report INCIDENT -o incident.html
sh $here/start.sh stop
TEXT
