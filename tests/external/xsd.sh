#!/usr/bin/env bash
# Validates an XML file against an XML schema with xmllint, an implementation that is not ours.
#
#   tests/external/xsd.sh FILE XSD
#
# Prints nothing and exits 0 when the file is valid; prints the findings and exits 1 when it is
# not; exits 2 when it could not be decided (a missing file, no xmllint, a schema that does not
# load), so that "not checked" is never read as "valid" or as "invalid".
set -euo pipefail

if [ $# -ne 2 ]; then
  echo "usage: $0 FILE XSD" >&2
  exit 2
fi
for file in "$1" "$2"; do
  if [ ! -r "$file" ]; then
    echo "$0: cannot read $file" >&2
    exit 2
  fi
done
xmllint=${CHITRA_TEST_XMLLINT:-xmllint}
if ! command -v "$xmllint" >/dev/null; then
  echo "$0: no $xmllint: install libxml2-utils, or set CHITRA_TEST_XMLLINT" >&2
  exit 2
fi

# --nonet: a schema location inside the file must not make the validator go and fetch it.
status=0
findings=$("$xmllint" --nonet --noout --schema "$2" "$1" 2>&1) || status=$?
case $status in
  0) exit 0 ;;
  # xmllint: 1 unreadable as XML, 3 and 4 invalid. 5 is a schema that does not compile.
  1 | 3 | 4)
    echo "$findings"
    exit 1
    ;;
  *)
    echo "$findings" >&2
    exit 2
    ;;
esac
