#!/bin/sh
# Builds the dashboard from its sources into OUT/dist, and the table that the collector serves it from. Called by CMake.
# The packages that package-lock.json names are installed once a checkout, whichever build comes first.
#
# usage: collector/web/build.sh OUT PYTHON
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
out=$1
python=$2
mkdir -p "$out"
cd "$here"

command -v npm >/dev/null || {
    echo "the dashboard needs npm (platform/setup installs it); -DRINGSIDE_DASHBOARD=OFF builds without" >&2
    exit 1
}

install_packages() {
    stamp=$here/node_modules/.ringside-lock
    cmp -s package-lock.json "$stamp" && return 0
    npm ci --prefer-offline --no-audit --no-fund --loglevel=error
    cp package-lock.json "$stamp"
}

exec 9>"$here/.lock"
flock 9 # two builds of one checkout at once
install_packages
node_modules/.bin/tsc --noEmit
node_modules/.bin/vite build --logLevel warn --emptyOutDir --outDir "$out/dist"
flock -u 9
"$python" "$here/embed.py" "$out/dist" "$here/../api/openapi.json" "$out/asset_table.c"
