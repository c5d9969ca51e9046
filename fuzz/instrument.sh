#!/bin/sh
# RUSTC_WRAPPER of fuzz.sh: compiles what is fuzzed with the counters that libFuzzer reads, and everything else as it is.
rustc=$1
shift
case "$CARGO_PKG_NAME" in
layerlens | layerlens-fuzz | npyz | rawzip | csv | csv-core)
    set -- "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares
    ;;
esac
exec "$rustc" "$@"
