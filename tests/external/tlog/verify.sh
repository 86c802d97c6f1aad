#!/bin/sh
# Verifies a log folder with Go's transparency-log library.
# Usage: verify.sh LOGDIR VKEY
# Needs the Debian packages golang-go and golang-golang-x-mod-dev; exits 77 when they are missing.
set -eu

[ $# -eq 2 ] || { echo "usage: verify.sh LOGDIR VKEY" >&2; exit 2; }
library=/usr/share/gocode
command -v go >/dev/null || { echo "missing: the package golang-go" >&2; exit 77; }
[ -d "$library/src/golang.org/x/mod/sumdb/tlog" ] ||
    { echo "missing: the package golang-golang-x-mod-dev" >&2; exit 77; }

GO111MODULE=off GOPATH=$library GOFLAGS= exec go run "$(dirname "$0")/main.go" "$1" "$2"
