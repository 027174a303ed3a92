#!/usr/bin/env bash
# A crate that Cargo builds with `opt-level = "s"` gets an aws-lc (crate aws-lc-sys 0.47.0) that signs by P-384 several times
# slower, whatever the C compiler makes of `-Os`.
#
# One would guess: `opt-level` chooses how rustc optimises, a build script's C library follows with flags such as `-Os`, and
# a library whose arithmetic is assembly loses next to nothing by it. X25519 and RSA lose nothing.
# What happens: for `s` and `z`, the build script defines OPENSSL_SMALL, and that leaves source files out: those with the
# code and the tables for P-384 and P-521 (and P-256's tables). What remains is generic code for any curve. `opt-level = 3`
# for that package alone brings them back, and the rest of the program may stay small.
# What follows: ES384 in a small binary, such as a Lambda function's or a device's, is to be measured in the profile that is
# shipped; and [profile.release.package.aws-lc-sys] costs half a megabyte of tables, compressed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "sign"
version = "0.1.0"
edition = "2024"

[dependencies]
aws-lc-rs = { version = "=1.19.0", default-features = false, features = ["aws-lc-sys"] }
aws-lc-sys = "=0.47.0"

[profile.release]
opt-level = "s"

[profile.mixed]
inherits = "release"

[profile.mixed.package.aws-lc-sys]
opt-level = 3
TOML
cat >src/main.rs <<'RUST'
use std::time::Instant;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair};

/// Microseconds of a signature, in the median.
fn main() {
    let (random, key) = (SystemRandom::new(), EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap());
    let mut took: Vec<u128> = (0..500)
        .map(|_| {
            let started = Instant::now();
            key.sign(&random, b"header.payload").unwrap();
            started.elapsed().as_micros()
        })
        .collect();
    took.sort_unstable();
    println!("{}", took[250]);
}
RUST
for profile in release mixed; do cargo build --quiet --profile "$profile"; done
grep -A1 -E 'name = "aws-lc-(rs|sys)"' Cargo.lock | grep -v -e --

for turn in 1 2 3; do
  small=$(target/release/sign) fast=$(target/mixed/sign)
  echo "turn $turn: opt-level s $small µs a signature, s with aws-lc-sys at 3 $fast µs"
  [ "$small" -ge $((3 * fast)) ] || { echo "no longer three times as slow"; exit 1; }
done
for profile in release mixed; do
  library=$(find "target/$profile/build" -name 'libaws_lc_0_47_0_crypto.a')
  echo "$profile: $(nm "$library" 2>/dev/null | grep -c 'nistp384') symbols of P-384's own code" | tee -a seen
done
grep -q '^release: 0 ' seen && ! grep -q '^mixed: 0 ' seen || { echo "the symbols are others"; exit 1; }
