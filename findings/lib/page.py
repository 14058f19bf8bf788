"""Shows a page to Chromium and prints what it says: page.py FOLDER [CHROMIUM'S FLAGS…].

FOLDER/index.html is served on loopback, so that it may use what only secure origins may. It says a line by
`await say(text)` and ends with `await end()`. Ends with 1 when it has not after a minute.
"""

import functools
import http.server
import os
import subprocess
import sys
import tempfile
import threading

PATIENCE_SECONDS = 60
END_SECONDS = 10
SAYING = b"""<script>
const post = (path, text) => fetch(path, {method: 'POST', body: text ?? ''});
const say = text => post('/say', String(text));
const end = () => post('/end');
addEventListener('error', async event => { await say('error: ' + event.message); await end(); });
addEventListener('unhandledrejection', async event => { await say('error: ' + event.reason); await end(); });
</script>
"""
ended = threading.Event()


class Page(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/":
            return super().do_GET()
        with open(os.path.join(self.directory, "index.html"), "rb") as file:
            body = b"<!doctype html><meta charset=utf-8>" + SAYING + file.read()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path == "/say":
            print(text, flush=True)
        self.send_response(204)
        self.end_headers()
        if self.path == "/end":
            ended.set()

    def log_message(self, *_):
        pass


def main():
    folder, *flags = sys.argv[1:]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Page, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    if os.geteuid() == 0:
        flags.append("--no-sandbox")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = subprocess.Popen(
            ["chromium", "--headless=new", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
            + ["--autoplay-policy=no-user-gesture-required", f"--user-data-dir={profile}", *flags]
            + [f"http://127.0.0.1:{server.server_port}/"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            in_time = ended.wait(PATIENCE_SECONDS)
        finally:
            browser.terminate()
            try:
                browser.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                browser.kill()
                browser.wait()
    sys.exit(0 if in_time else "the page did not end within its time")


main()
