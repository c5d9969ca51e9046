#!/bin/sh
# Builds the targets with the stable toolchain, and fuzzes those that are named:
#   fuzz/fuzz.sh build
#   fuzz/fuzz.sh SECONDS TARGET...
set -eu
cd "$(dirname "$0")"
what=${1:?"build, or seconds and targets"}
shift
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/../target}"
if [ "$what" = build ]; then
    # The versions of the package, so that its built dependencies serve.
    cp ../Cargo.lock Cargo.lock
    RUSTC_WRAPPER="$PWD/instrument.sh" exec cargo build --release --bins "$@"
fi
for target in "$@"; do
    mkdir -p "work/$target" artifacts
    echo "== $target, $what s"
    # New inputs go to work/; the seeds in corpus/ stay as they are.
    TMPDIR="${TMPDIR:-/dev/shm}" "$CARGO_TARGET_DIR/release/$target" -max_total_time="$what" -timeout=20 -rss_limit_mb=2048 \
        -max_len=65536 -dict=words.dict -artifact_prefix="artifacts/$target-" "work/$target" "corpus/$target"
done
