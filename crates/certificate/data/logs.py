#!/usr/bin/env python3
"""Makes logs.toml, the pinned list of Certificate Transparency logs, from a log list in Google's v3 JSON format.

    python3 logs.py log_list.json "where it is from" > logs.toml

The lists: https://www.gstatic.com/ct/log_list/v3/all_logs_list.json (all, also the retired ones that old certificates
name) or log_list.json (those that Chrome knows). What is kept of a log is what verifying a timestamp takes.
Every key is checked: it is a P-256 point on the curve or an RSA key, and its SHA-256 is the log's id (RFC 6962, 3.2).
"""
import base64
import hashlib
import json
import sys

P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200" + "04")
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B


def check(log):
    key = base64.b64decode(log["key"])
    if key.startswith(P256):
        x, y = (int.from_bytes(key[i : i + 32], "big") for i in (27, 59))
        assert len(key) == 91 and (y * y - x**3 + 3 * x - B) % P == 0, log["description"]
    if "log_id" in log:
        assert base64.b64encode(hashlib.sha256(key).digest()).decode() == log["log_id"], log["description"]


def main():
    listed = json.load(open(sys.argv[1]))
    print("# The logs whose timestamps can be verified (RFC 6962, and static-ct-api, which signs alike). Made by logs.py, not by hand.")
    print(f"# Source: {sys.argv[2]}")
    print(f'date = "{listed["log_list_timestamp"][:10]}"')
    for operator in listed["operators"]:
        for log in operator["logs"] + operator.get("tiled_logs", []):
            state = next(iter(log.get("state", {"pending": {}})))
            # Pending and rejected logs were never trusted: their timestamps are worth what those of unknown logs are.
            if state in ("pending", "rejected") or log.get("log_type") == "test":
                continue
            check(log)
            print("\n[[log]]")
            print(f"name = {json.dumps(log['description'], ensure_ascii=False)}")
            print(f"operator = {json.dumps(operator['name'], ensure_ascii=False)}")
            print(f'key = "{log["key"]}"')
            print(f"maximum_merge_delay = {log['mmd']}")
            if state == "retired":
                print(f'retired = "{log["state"]["retired"]["timestamp"]}"')


main()
