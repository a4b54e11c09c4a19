#!/usr/bin/env bash
# The shared libraries and programs that no wheel brings: checks them, installs what is missing.
# usage: system_libraries.sh [test]    ("test" adds the programs that tests drive a display with)
# SYSTEM_LIBRARIES=skip leaves it out, for systems that keep them where this cannot see them.
set -euo pipefail
here=$(dirname "$0")

if [ "${SYSTEM_LIBRARIES:-}" = skip ] || [ "$(uname -s)" != Linux ]; then
    exit 0
fi

# What to look for, then the Debian package that has it. Taken from the NEEDED entries of the wheels.
opencv="
    libGL.so.1              libgl1
    libgthread-2.0.so.0     libglib2.0-0
    libSM.so.6              libsm6
    libICE.so.6             libice6
    libX11.so.6             libx11-6
    libXext.so.6            libxext6"
qt="
    libEGL.so.1             libegl1
    libdbus-1.so.3          libdbus-1-3
    libfontconfig.so.1      libfontconfig1
    libfreetype.so.6        libfreetype6
    libbrotlidec.so.1       libbrotli1
    libgssapi_krb5.so.2     libgssapi-krb5-2
    libzstd.so.1            libzstd1
    libX11-xcb.so.1         libx11-xcb1
    libxkbcommon.so.0       libxkbcommon0
    libxkbcommon-x11.so.0   libxkbcommon-x11-0
    libxcb-cursor.so.0      libxcb-cursor0
    libxcb-glx.so.0         libxcb-glx0
    libxcb-icccm.so.4       libxcb-icccm4
    libxcb-image.so.0       libxcb-image0
    libxcb-keysyms.so.1     libxcb-keysyms1
    libxcb-randr.so.0       libxcb-randr0
    libxcb-render.so.0      libxcb-render0
    libxcb-render-util.so.0 libxcb-render-util0
    libxcb-shape.so.0       libxcb-shape0
    libxcb-shm.so.0         libxcb-shm0
    libxcb-sync.so.1        libxcb-sync1
    libxcb-util.so.1        libxcb-util1
    libxcb-xfixes.so.0      libxcb-xfixes0
    libxcb-xkb.so.1         libxcb-xkb1"
multimedia="
    libpulse.so.0           libpulse0
    libdrm.so.2             libdrm2"
screen_capture="
    libXrandr.so.2          libxrandr2
    libXfixes.so.3          libxfixes3"
test_programs="
    Xvfb                    xvfb
    xdotool                 xdotool
    openbox                 openbox
    wmctrl                  wmctrl
    display                 imagemagick
    xwininfo                x11-utils"

# ldconfig lies outside the PATH of ordinary users.
known=$(PATH="$PATH:/usr/sbin:/sbin" ldconfig -p)
missing=()
while read -r library package; do
    [[ -z "$library" || "$known" == *"$library ("* ]] || missing+=("$package")
done <<<"$opencv$qt$multimedia$screen_capture"
if [ "${1:-}" = test ]; then
    while read -r program package; do
        [ -z "$program" ] || command -v "$program" >/dev/null || missing+=("$package")
    done <<<"$test_programs"
fi

if [ ${#missing[@]} -gt 0 ]; then
    exec bash "$here/apt_install.sh" "what Qt, OpenCV and the tests need of the system" "${missing[@]}"
fi
