# shellcheck shell=bash
# Shared by tools/test, tools/quickstart and others: what a build needs, installing it, and building.

# One line for each thing that $1 needs: the Debian package, then the command that succeeds where
# it is there. So what came from elsewhere (another OpenCL loader, a meson from pip) counts too.
needs() {
    case $1 in
    build)
        cat <<'END'
meson                  command -v meson
ninja-build            command -v ninja
gcc                    command -v cc
libc6-dev              has_header stdio.h
pkgconf                command -v pkg-config
python3                command -v python3
opencl-c-headers       has_header CL/cl.h
ocl-icd-libopencl1     has_library libOpenCL.so.1
libjansson-dev         pkg-config --exists jansson
uthash-dev             has_header uthash.h
libxxhash-dev          pkg-config --exists libxxhash
zlib1g-dev             pkg-config --exists zlib
libcsv-dev             has_header csv.h
libzip-dev             pkg-config --exists libzip
END
        ;;
    driver) echo "pocl-opencl-icd has_icd" ;;
    data) echo "dataset-fashion-mnist test -e /usr/share/datasets/fashion-mnist" ;;
    pocl) echo "pocl-opencl-icd has_icd pocl" ;;
    oclgrind) echo "oclgrind test -e /usr/lib/oclgrind/liboclgrind-rt-icd.so" ;;
    rusticl) echo "mesa-opencl-icd has_library libRusticlOpenCL.so.1" ;;
    venv) echo "python3-venv python3 -m ensurepip --version" ;;
    tests) # which run on PoCL, whatever other driver is there
        cat <<'END'
pocl-opencl-icd        has_icd pocl
check                  pkg-config --exists check
ocl-icd-opencl-dev     pkg-config --exists OpenCL
g++                    command -v c++
gcc                    command -v gcc
clang                  command -v clang
clang-format           has_clang_format
shellcheck             command -v shellcheck
pyflakes3              command -v pyflakes3
END
        ;;
    rivals)
        cat <<'END'
libclblast1            has_library libclblast.so.1
clblast-utils          command -v clblast_tuner_xgemm
libdnnl2               has_library libdnnl.so.2
END
        ;;
    coverage) echo "gcovr command -v gcovr" ;;
    clang_sanitizers) echo "libclang-rt-dev has_clang_sanitizers" ;;
    esac
}

# That of Debian 12, clang-format 14; tests/format takes it under both names.
has_clang_format() {
    command -v clang-format || command -v clang-format-14
}

has_clang_sanitizers() {
    echo "int main(void) { return 0; }" | clang -fsanitize=address -x c - -o /dev/null
}

has_header() {
    echo "#include <$1>" | cc -E -x c - -o /dev/null
}

has_library() {
    PATH="$PATH:/sbin:/usr/sbin" ldconfig -p | grep -F "$1"
}

# Is there an OpenCL driver whose file name begins with $1? With OCL_ICD_VENDORS the user has
# chosen one.
has_icd() {
    [ -n "${OCL_ICD_VENDORS-}" ] || compgen -G "/etc/OpenCL/vendors/${1-}*.icd"
}

# Installs what is missing of what the arguments need (see needs), or says what that is.
install_missing() {
    local missing=() sudo=() what package probe
    for what; do
        while read -r package probe; do
            # shellcheck disable=SC2086 # the probe is a command with its arguments
            $probe >/dev/null 2>&1 || missing+=("$package")
        done < <(needs "$what")
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    if ! command -v apt-get >/dev/null; then
        echo "${0##*/}: please install (named as in Debian): ${missing[*]}" >&2
        exit 1
    fi
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "${0##*/}: please run as root: apt-get install ${missing[*]}" >&2
            exit 1
        fi
        sudo=(sudo)
    fi
    echo "installing ${missing[*]}"
    "${sudo[@]}" apt-get update -qq
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# Configures build folder $1, unless it is, with the meson options that follow; then builds.
build() {
    local dir=$1
    shift
    [ -e "$dir/build.ninja" ] || meson setup "$dir" "$@"
    ninja -C "$dir"
}

# Prints the comment that a script begins with.
print_help() {
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
}
