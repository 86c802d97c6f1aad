"""A partner that takes payments one by one and writes down when each came: the judge of what left in a second.

Serves POST /pay (a payment as in the GSMA Mobile Money API, always paid) at 127.0.0.1:PORT, and answers after
MILLISECONDS. When it is ended by SIGTERM it prints how many came, the most within any second, and how many there were a second on average.
"""

import json
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

came = []
at_work = threading.Lock()


class Partner(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        now = time.monotonic()
        order = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with at_work:
            came.append(now)
            number = len(came)
        time.sleep(int(sys.argv[2]) / 1000)
        body = json.dumps(
            {
                "transactionReference": f"MM{number}",
                "transactionStatus": "completed",
                "amount": order["amount"],
                "currency": order["currency"],
            }
        ).encode()
        self.send_response(201)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def told(*_):
    times = sorted(came)
    most, first = 0, 0
    for last, now in enumerate(times):
        while now - times[first] >= 1:
            first += 1
        most = max(most, last - first + 1)
    lasted = times[-1] - times[0] if len(times) > 1 else 0
    rate = (len(times) - 1) / lasted if lasted else 0
    print(f"{len(times)} came in {lasted:.1f} s: {rate:.2f} a second, at most {most} within one second")
    sys.exit(0)


signal.signal(signal.SIGTERM, told)
ThreadingHTTPServer.request_queue_size = 128
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Partner).serve_forever()
