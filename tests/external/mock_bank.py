#!/usr/bin/env python3
"""Sends a pain.001 file to a bank that is not ours and keeps everything the bank answers.

    mock_bank.py FILE --clock 2026-11-23T09:00 --out DIR [--advance DAYS] [behaviour]

Starts `mock-bank` on a free port with its clock at the given moment, opens the debtor's account as
the file names it, asks for the bank's findings, sends the file, moves the clock, and writes every
message of the mailbox into DIR as NNN-TYPE.xml in the order the bank sent them. One JSON object on
standard output says what happened:

    {"findings": [...], "accepted": true, "file_status": "ACCP", "answer": {...},
     "payments": [{"end_to_end_id", "status", "reason", "booked_at", "returned_at", ...}],
     "messages": [{"file": "001-pain.002.001.10.xml", "type", "releasedAt", ...}],
     "balance_minor": 0}

Behaviours, which the bank applies to the debtor's account unless said otherwise:

    --return-later DAYS [--reason MD07] [--return-only END_TO_END_ID]
                              settles, then sends back after so many business days
    --closed-account ACCOUNT  the creditor's account is closed (AC04). The bank recognises its own
                              accounts only: an IBAN, or a domestic account number of up to 17
                              digits at the clearing member 999999992, which is the bank's own
    --balance MINOR           what the debtor holds; with --behaviour insufficient-funds, AM04
    --behaviour NAME          reject-file, silent, statement-gap, insufficient-funds, ...

Exits 0 when the conversation took place, whatever the bank thought of the file; 2 when it did not.
"""

import argparse
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from xml.etree import ElementTree

START_SECONDS_MAX = 20
DEBTOR = "DEBTOR"
BALANCE_MINOR = 10**15


def main():
    arguments = parse_arguments()
    body = arguments.file.read_bytes()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if any(arguments.out.iterdir()):
        raise Undecided(f"{arguments.out} is not empty: answers of two runs must not mix")
    debtor = debtor_of(body)
    with Bank(arguments.clock) as bank:
        open_accounts(bank, debtor, arguments)
        summary = converse(bank, body, arguments)
    json.dump(summary, sys.stdout, indent=1, sort_keys=True)
    print()


def parse_arguments():
    parser = argparse.ArgumentParser(description="Sends a pain.001 file to an independent bank.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--clock", required=True, metavar="YYYY-MM-DDTHH:MM")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--advance", type=int, default=1, metavar="DAYS")
    parser.add_argument("--behaviour", default="accept")
    parser.add_argument("--balance", type=int, default=BALANCE_MINOR, metavar="MINOR")
    parser.add_argument("--return-later", type=int, metavar="DAYS")
    parser.add_argument("--reason", default="MD07")
    parser.add_argument("--return-only", metavar="END_TO_END_ID")
    parser.add_argument("--closed-account", action="append", default=[], metavar="ACCOUNT")
    return parser.parse_args()


def open_accounts(bank, debtor, arguments):
    behaviour, parameters = arguments.behaviour, {}
    if arguments.return_later is not None:
        behaviour = "return-later"
        parameters = {"days": arguments.return_later, "reason": arguments.reason}
        if arguments.return_only:
            parameters["end_to_end_id"] = arguments.return_only
    account = account_named(debtor["account"], DEBTOR)
    account.update(
        name=debtor["name"],
        currency=debtor["currency"],
        balance=arguments.balance,
        behaviour=behaviour,
        parameters=parameters,
    )
    bank.ask("POST", "/_mock/accounts", account)
    for number, name in enumerate(arguments.closed_account, start=1):
        closed = account_named(name, f"CLOSED{number}")
        closed.update(name=f"Closed {number}", currency=debtor["currency"], behaviour="closed-account", closed=True)
        bank.ask("POST", "/_mock/accounts", closed)


def converse(bank, body, arguments):
    findings = bank.ask("POST", "/_mock/validate", body, wanted=(200, 422), text=True)
    status, answer = bank.answer("POST", "/payments", body)
    if status not in (202, 422):
        raise Undecided(f"the bank answered {status} to the file: {answer}")
    messages = []
    collect(bank, arguments.out, messages)
    # One day at a time: a client that sees only the end of a week would miss the order in which
    # a settlement, its statement and its return arrive.
    for _ in range(arguments.advance):
        bank.ask("POST", "/_mock/advance?days=1")
        collect(bank, arguments.out, messages)
    payments = bank.ask("GET", "/_mock/payments")
    return {
        "findings": [line for line in findings.splitlines() if re.match(r"(error|warning) ", line)],
        "verdict": (findings.splitlines() or [""])[0],
        "accepted": status == 202,
        "file_status": answer.get("status") if isinstance(answer, dict) else None,
        "answer": answer,
        "payments": payments,
        "messages": messages,
        "balance_minor": bank.ask("GET", f"/_mock/accounts/{DEBTOR}")["balance"],
    }


def collect(bank, out, messages):
    for message in bank.ask("GET", "/_mock/mailbox"):
        # The bank has customers of its own, and closes their books too.
        if message.get("account") not in (None, "", DEBTOR):
            continue
        name = f"{len(messages) + 1:03}-{message['type']}.xml"
        text = bank.ask("GET", f"/_mock/mailbox/{message['id']}", text=True)
        (out / name).write_text(text, encoding="utf-8")
        about = {key: value for key, value in message.items() if key not in ("body", "xml")}
        messages.append({"file": name, **about})


class Bank:
    """A running mock-bank: started on entry, ended on exit, whatever happens between."""

    def __init__(self, clock):
        self.clock = clock

    def __enter__(self):
        self.log = tempfile.TemporaryFile(mode="w+")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        # No proxy: the bank is on this machine.
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mockbank", "--port", str(port), "--clock", self.clock, "-q"],
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        try:
            self.wait_until_it_answers()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def wait_until_it_answers(self):
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                self.log.seek(0)
                raise Undecided(f"mock-bank ended at its start: {self.log.read().strip()}")
            try:
                self.answer("GET", "/_mock/health")
                return
            except Undecided:
                time.sleep(0.05)
        raise Undecided(f"mock-bank did not answer within {START_SECONDS_MAX} s")

    def ask(self, method, path, body=None, wanted=(200, 201, 202), text=False):
        status, answer = self.answer(method, path, body, text)
        if status not in wanted:
            raise Undecided(f"{method} {path}: {status} {answer}")
        return answer

    def answer(self, method, path, body=None, text=False):
        headers = {}
        if isinstance(body, dict):
            body, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        elif body is not None:
            headers["Content-Type"] = "application/xml"
        elif method == "POST":
            body = b""
        request = urllib.request.Request(self.base + path, data=body, headers=headers, method=method)
        try:
            with self.opener.open(request, timeout=60) as response:
                status, raw = response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                status, raw = error.code, error.read()
        except OSError as error:
            raise Undecided(f"{method} {path}: {error}") from error
        decoded = raw.decode("utf-8")
        if text:
            return status, decoded
        try:
            return status, json.loads(decoded)
        except ValueError:
            return status, decoded


def debtor_of(body):
    """The debtor's account, name and currency as the first payment block of the file has them."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise Undecided(f"the file is not XML: {error}") from error
    block = root.find(".//{*}PmtInf")
    account = text_at(block, "{*}DbtrAcct/{*}Id/{*}IBAN") or text_at(block, "{*}DbtrAcct/{*}Id/{*}Othr/{*}Id")
    amount = None if block is None else block.find(".//{*}InstdAmt")
    if not account or amount is None:
        raise Undecided("the file has no payment block with a debtor's account and an amount")
    return {"account": account, "name": text_at(block, "{*}Dbtr/{*}Nm") or "Debtor", "currency": amount.get("Ccy")}


def text_at(element, path):
    found = None if element is None else element.find(path)
    return found.text.strip() if found is not None and found.text else None


def account_named(account, account_id):
    """An account of the bank that a file can name: by IBAN, or by a domestic number.

    The bank wants an IBAN for every account. For a domestic number one is made up around it, with
    right check digits, so that two numbers never share one.
    """
    if re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{1,30}", account):
        return {"id": account_id, "iban": account}
    if not re.fullmatch(r"\d{1,17}", account):
        raise Undecided(f"account {account!r}: the bank holds IBANs, and numbers of up to 17 digits")
    own = f"MOCK{account.zfill(17)}"
    return {"id": account_id, "iban": f"VN{check_digits('VN', own)}{own}", "account_number": account}


def check_digits(country, own):
    """ISO 13616: 98 minus the number modulo 97, letters read as 10 to 35."""
    number = "".join(str(int(character, 36)) for character in f"{own}{country}00")
    return f"{98 - int(number) % 97:02}"


class Undecided(Exception):
    """The conversation did not take place, and the reason."""


if __name__ == "__main__":
    try:
        main()
    except (Undecided, OSError) as error:
        print(f"mock_bank.py: {error}", file=sys.stderr)
        sys.exit(2)
