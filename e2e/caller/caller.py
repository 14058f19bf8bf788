"""Lists and watches participants by the control API, with nothing but the defaults of grpcio, and tells in JSON what came.

A default channel refuses messages over 4 MiB (RESOURCE_EXHAUSTED): whoever sends longer ones is not heard by it. The messages are
those of proto/src/gen/descriptors.bin, so that nothing is generated. The token comes on standard input.
"""

import argparse
import json
import pathlib
import sys
import time

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "understudy.participants.v1"
DESCRIPTORS = pathlib.Path(__file__).parents[2] / "proto/src/gen/descriptors.bin"
SECONDS = 120


def messages():
    """The classes of the API's messages, by their names."""
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(DESCRIPTORS.read_bytes()).file:
        pool.Add(file)
    named = ("ListRequest", "ListResponse", "WatchRequest", "WatchResponse")
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in named
    }


def call(kind, channel, method, types):
    request, response = types[f"{method}Request"], types[f"{method}Response"]
    return getattr(channel, kind)(
        f"/{PACKAGE}.Participants/{method}",
        request_serializer=request.SerializeToString,
        response_deserializer=response.FromString,
    )


def listed(channel, types, metadata, namespace):
    """All pages, one after the other."""
    ask = call("unary_unary", channel, "List", types)
    names, sizes, token, began = set(), [], "", time.monotonic()
    while True:
        request = types["ListRequest"](namespace=namespace, page_token=token)
        page = ask(request, metadata=metadata, timeout=SECONDS)
        names.update(one.name for one in page.participants)
        sizes.append(page.ByteSize())
        token = page.next_page_token
        if not token:
            return told(names, sizes, began)


def watched(channel, types, metadata, namespace):
    """All that there are when it begins."""
    ask = call("unary_stream", channel, "Watch", types)
    names, sizes, began = set(), [], time.monotonic()
    changes = ask(types["WatchRequest"](namespace=namespace), metadata=metadata, timeout=SECONDS)
    for change in changes:
        names.update(one.name for one in change.participants)
        sizes.append(change.ByteSize())
        if change.synced:
            changes.cancel()
            return told(names, sizes, began)
    raise SystemExit("the watch ended before it had told all")


def told(names, sizes, began):
    return {
        "participants": len(names),
        "messages": len(sizes),
        "bytes": sum(sizes),
        "largest_bytes": max(sizes),
        "seconds": round(time.monotonic() - began, 3),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", required=True, help="HOST:PORT")
    parser.add_argument("--root", required=True, help="file with the roots, in PEM")
    parser.add_argument("--namespace", required=True)
    options = parser.parse_args()
    metadata = [("authorization", f"Bearer {sys.stdin.readline().strip()}")]
    roots = pathlib.Path(options.root).read_bytes()
    types = messages()
    with grpc.secure_channel(options.address, grpc.ssl_channel_credentials(roots)) as channel:
        told_of = (channel, types, metadata, options.namespace)
        print(json.dumps({"list": listed(*told_of), "watch": watched(*told_of)}))


if __name__ == "__main__":
    main()
