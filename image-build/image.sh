#!/usr/bin/env bash
# Build the appliance's image. Usage: image.sh tools|build|repro|tree|mirror|enter COMMAND...
#
# tools   a Debian 13 root in .cache/image/tools with mkosi, systemd, Python 3.13 (needs root and mmdebstrap)
# build   .cache/image/out: the image, the files of an update, the bill of materials (VERSION=1.2.3 for another version,
#         OUT=second for another folder of .cache/image)
# repro   builds once more, from nothing, and compares the bytes (with OUT, those in that folder)
# tree    .cache/image/{tree,initrd}: the files of the built image, for its tests
# mirror  says which Debian mirror it takes
# enter   runs a command in the tools, with the working tree at /source
#
# The mirror is that of the build machine's own apt, or MEDKIOSK_MIRROR. docs/image.md has the rest.
set -euo pipefail
site_keys=${MEDKIOSK_KEYS:+$(realpath -- "$MEDKIOSK_KEYS")}
cd "$(dirname "$0")/.."
cache=$PWD/.cache/image
tools=$cache/tools

die() { echo "$*" >&2; exit 1; }

# The first Debian mirror in the build machine's own apt sources.
mirror() {
    local found=${MEDKIOSK_MIRROR:-}
    [ -n "$found" ] || found=$(apt-get indextargets --format '$(LABEL)|$(SITE)' 2>/dev/null | sed -n 's/^Debian|//p' | head -n 1)
    [ -n "$found" ] || die "There is no Debian mirror in this machine's apt sources: name one in MEDKIOSK_MIRROR (http://.../debian)."
    echo "${found%/}"
}

make_tools() {
    [ "$(id -u)" = 0 ] || die "The tools are made by root (mmdebstrap, chroot)."
    command -v mmdebstrap >/dev/null || die "mmdebstrap is missing: apt-get install mmdebstrap"
    local wanted
    wanted=$(sha256sum image-build/tools.list | cut -c1-64)
    [ "$(cat "$tools/.ready" 2>/dev/null)" = "$wanted" ] && return
    echo "image: making the tools (a Debian 13 root)"
    mkdir -p "$cache"
    rm -rf "$tools.new"
    mmdebstrap --variant=apt --mode=root --quiet --include="$(grep -v '^#' image-build/tools.list | paste -sd,)" \
        --aptopt='Apt::Install-Recommends "false"' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        trixie "$tools.new" "deb $(mirror) trixie main"
    # A signature of the firmware's kind says when it was made: always at the commit's time, or no two builds would be the same.
    local sign=$tools.new/usr/lib/systemd/systemd-sbsign
    mv "$sign" "$sign.real"
    cat >"$sign" <<'END'
#!/bin/sh
FAKETIME=$(date -u -d "@${SOURCE_DATE_EPOCH:?}" '+%Y-%m-%d %H:%M:%S')
export FAKETIME TZ=UTC FAKETIME_DISABLE_SHM=1 LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1
exec "$0.real" "$@"
END
    chmod 755 "$sign"
    mkdir -p "$tools.new/source" "$tools.new/cache" "$tools.new/old"
    echo "$wanted" >"$tools.new/.ready"
    rm -rf "$tools"
    mv "$tools.new" "$tools"
}

# Run a command in the tools: a root of its own, with SOURCE at /source, the cache at /cache and the keys, unwritable, at /keys.
enter() {
    local source=$1
    shift
    cp -L /etc/resolv.conf "$tools/etc/resolv.conf" 2>/dev/null || true
    mkdir -p "$tools/source" "$tools/keys"
    unshare --mount --propagation private bash -euc '
        tools=$1 source=$2 cache=$3 keys=$4
        shift 4
        mount --bind "$tools" "$tools"
        for dir in dev sys proc; do mount --rbind /$dir "$tools/$dir"; done
        mount --bind "$source" "$tools/source"
        mount --bind "$cache" "$tools/cache"
        [ ! -d "$keys" ] || { mount --bind "$keys" "$tools/keys"; mount -o remount,bind,ro "$tools/keys"; }
        mount -t tmpfs -o mode=1777 tmpfs "$tools/run"
        cd "$tools"
        pivot_root . old
        umount -l /old
        cd /
        exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TMPDIR=/cache/tmp \
            SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" "$@"
    ' enter "$tools" "$source" "$cache" "$keys" "$@"
}

# Keys for development, once: of the unified kernel images (Secure Boot), of their expected measurements, of updates. A site's own
# folder is named in MEDKIOSK_KEYS, with the same names in it: it is used where it is (`enter` mounts it), and nothing of it is copied.
keys=${site_keys:-$cache/keys}

make_keys() {
    local name  # of this function alone: bash would give the loops below that of whoever calls
    mkdir -p "$cache"
    if [ -n "$site_keys" ]; then
        for name in secureboot.key secureboot.crt pcr.key pcr.crt release.pub; do
            [ -f "$keys/$name" ] || die "MEDKIOSK_KEYS has no $name."
        done
        return
    fi
    [ -f "$keys/release.pub" ] && return
    echo "image: making development keys in .cache/image/keys"
    local new=$cache/keys.new
    rm -rf "$new"
    mkdir -p -m 700 "$new"
    for name in secureboot pcr; do
        openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 3650 -subj "/CN=medkiosk development $name" \
            -keyout "$new/$name.key" -out "$new/$name.crt" 2>/dev/null
    done
    ssh-keygen -q -t ed25519 -N '' -C 'medkiosk development' -f "$new/release"
    mv "$new/release.pub" "$new/release.ssh"
    echo "release@medkiosk namespaces=\"medkiosk-update@v1\" $(cut -d' ' -f1,2 "$new/release.ssh")" >"$new/release.pub"
    mv -T "$new" "$keys"
}

# The packages of kiosk.lock, by hash. Those without a wheel are pure Python and are built in the tools.
get_wheels() {
    local wanted
    wanted=$(sha256sum image-build/kiosk.lock | cut -c1-64)
    [ "$(cat "$cache/wheels/.ready" 2>/dev/null)" = "$wanted" ] && return
    echo "image: getting the Python packages of kiosk.lock"
    rm -rf "$cache/wheels"
    mkdir -p "$cache/wheels"
    local platforms=() tag
    for tag in manylinux_2_{41,40,39,38,37,36,35,34,31,28,27,26,24,17,12,5}_x86_64 manylinux{2014,2010,1}_x86_64; do platforms+=(--platform "$tag"); done
    python3 -m pip download --quiet --no-deps --require-hashes --implementation cp --python-version 3.13 \
        --abi cp313 --abi abi3 --abi none "${platforms[@]}" -d "$cache/wheels" -r image-build/kiosk.lock
    echo "$wanted" >"$cache/wheels/.ready"
}

# VERSION and what it is built from: the commit, not the working tree.
build() {
    local name=$1 commit version
    commit=$(git rev-parse "${COMMIT:-HEAD}")
    version=${VERSION:-$(git show "$commit":pyproject.toml | sed -n 's/^version = "\(.*\)"/\1/p')}
    [[ $version =~ ^[0-9]+(\.[0-9]+)*$ ]] || die "VERSION must be numbers and dots, like 1.2.3."
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct "$commit")
    export SOURCE_DATE_EPOCH
    COMMIT=$commit
    make_tools
    make_keys
    get_wheels
    python3 image-build/fetch.py --into "$cache/models" --only models
    image-build/viewer.sh
    local work=$cache/work
    rm -rf "$work"
    mkdir -p "$work/source" "$work/stage" "$work/sandbox/etc/apt/sources.list.d" "$work/out" "$cache/packages" "$cache/tmp"
    if [ -n "${DIRTY:-}" ]; then  # while the image itself is worked on
        git ls-files -z -co --exclude-standard | xargs -0 ls -d 2>/dev/null | tar -c -T - | tar -x -C "$work/source"
        commit+=-dirty
    else
        git archive "$commit" | tar -x -C "$work/source"
    fi
    mkdir -p "$work/source/medkiosk/export/viewer/built"
    cp medkiosk/export/viewer/built/index.html "$work/source/medkiosk/export/viewer/built/"
    local debian security
    debian=$(mirror)
    security=${debian%/debian}/debian-security
    for suite in trixie trixie-updates; do echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $debian $suite main"; done \
        >"$work/sandbox/etc/apt/sources.list.d/mkosi.list"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $security trixie-security main" \
        >>"$work/sandbox/etc/apt/sources.list.d/mkosi.list"
    : >"$work/sandbox/etc/apt/sources.list.d/mkosi.sources"

    # Debian's packages are installed once and kept, but not where two builds are compared.
    local incremental=()
    [ "$name" = again ] || { mkdir -p "$cache/incremental"; incremental=(--incremental=yes --cache-directory=/cache/incremental); }
    echo "image: version $version, commit ${commit:0:12}"
    enter "$work/source" bash /source/image-build/stage.sh /source /cache /cache/work/stage "$version"
    enter "$work/source" mkosi --directory=/source/image-build/mkosi --image-version="$version" --source-date-epoch="$SOURCE_DATE_EPOCH" \
        --output-directory=/cache/work/out --package-cache-directory=/cache/packages --workspace-directory=/cache/tmp \
        --sandbox-tree=/cache/work/sandbox --extra-tree=/cache/work/stage \
        --secure-boot-key=/keys/secureboot.key --secure-boot-certificate=/keys/secureboot.crt \
        --sign-expected-pcr-key=/keys/pcr.key --sign-expected-pcr-certificate=/keys/pcr.crt \
        "${incremental[@]}" --force build
    # The names of docs/update-format.md; what only the builder needs stays out.
    (
        cd "$work/out"
        mv medkiosk.efi "medkiosk_$version.efi"
        mv medkiosk.root.raw "medkiosk_$version.root.raw"
        mv medkiosk.root-verity.raw "medkiosk_$version.root-verity.raw"
        chmod 644 -- *
        rm -f medkiosk initrd initrd.cpio.zst medkiosk.esp.raw medkiosk.root-*.vmlinuz medkiosk.initrd medkiosk.vmlinuz
        echo "$version" >version
        echo "$commit" >commit
        sha256sum medkiosk.raw "medkiosk_$version".* >sha256
    )
    rm -rf "$cache/$name.old"
    [ ! -e "$cache/$name" ] || mv -T "$cache/$name" "$cache/$name.old"
    mv -T "$work/out" "$cache/$name"
    rm -rf "$cache/$name.old"
}

# The files of the built image's root, for the tests: .cache/image/tree (the builder's own kernel may not know erofs).
make_tree() {
    local wanted root
    [ -f "$cache/out/sha256" ] || die "There is no image: make image"
    wanted=$(sha256sum "$cache/out/sha256" | cut -c1-64)
    [ "$(cat "$cache/tree.of" 2>/dev/null)" = "$wanted" ] && return
    SOURCE_DATE_EPOCH=0
    export SOURCE_DATE_EPOCH
    rm -rf "$cache/tree" "$cache/initrd" "$cache/tree.of"
    root=$(basename "$cache"/out/*.root.raw)
    enter "$PWD" fsck.erofs --extract=/cache/tree "/cache/out/$root" >/dev/null
    # The unified kernel image's parts: command line, initrds (one archive after another), who signed what.
    mkdir -p "$cache/initrd/files"
    enter "$PWD" python3 - "/cache/out/${root%.root.raw}.efi" /cache/initrd <<'END'
import pathlib, pefile, sys
for section in pefile.PE(sys.argv[1]).sections:
    name = section.Name.rstrip(b"\0").decode()
    (pathlib.Path(sys.argv[2]) / name.lstrip(".")).write_bytes(section.get_data()[: section.Misc_VirtualSize])
END
    enter "$PWD" python3 - /cache/initrd/initrd /cache/initrd/files <<'END'
import pathlib, subprocess, sys
# One zstd frame after another, zeros between; in each an archive (cpio, "newc": a header of 13 numbers of 8 digits).
frames = b"\x28\xb5\x2f\xfd"
packed = pathlib.Path(sys.argv[1]).read_bytes()
data = b"".join(
    subprocess.run(["zstd", "-dcq"], input=frames + part, capture_output=True, check=False).stdout
    for part in packed.split(frames)[1:]
)
into, at = pathlib.Path(sys.argv[2]), 0
while (at := data.find(b"070701", at)) >= 0:
    field = [int(data[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
    name = data[at + 110 : at + 109 + field[11]].decode()
    start = at + -(-(110 + field[11]) // 4) * 4
    if field[1] & 0o170000 == 0o100000:
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        (into / name).write_bytes(data[start : start + field[6]])
    at = start + (field[6] + 3) // 4 * 4
END
    echo "$wanted" >"$cache/tree.of"
}

# What Debian gave this time, beside what it gave when somebody last looked: a security update is no surprise, but is to be seen.
compare_debian() {
    diff -U0 --label image-build/debian.list --label "this build" image-build/debian.list "$cache/out/debian.list" | sed -n '/^[-+][^-+]/p' >"$cache/debian.diff" || true
    [ -s "$cache/debian.diff" ] || return 0
    cat "$cache/debian.diff" >&2
    echo "Debian's packages differ from image-build/debian.list (above). If that is wanted: cp .cache/image/out/debian.list image-build/" >&2
}

# The second build has nothing of the first but the packages' files, which are checked by apt: not even the installed tree.
repro() {
    local first=$cache/${OUT:-out}
    COMMIT=$(cat "$first/commit" 2>/dev/null) || die "There is no image to compare with: make image"
    VERSION=$(cat "$first/version")
    build again
    if ! (cd "$cache/again" && sha256sum --quiet -c "$first/sha256"); then
        die "Two builds of ${COMMIT:0:12} are not the same: compare $first and $cache/again"
    fi
    echo "image: two builds of ${COMMIT:0:12} are the same, byte for byte"
    cat "$first/sha256"
    rm -rf "$cache/again"
}

case ${1:-} in
    tools) make_tools ;;
    build)
        build "${OUT:-out}"
        [ -n "${OUT:-}" ] || compare_debian
        ;;
    repro) repro ;;
    tree) make_tree ;;
    mirror) mirror ;;
    enter)
        shift
        SOURCE_DATE_EPOCH=0
        export SOURCE_DATE_EPOCH
        enter "$PWD" "$@"
        ;;
    *) die "Usage: image.sh tools|build|repro|tree|mirror|enter COMMAND..." ;;
esac
