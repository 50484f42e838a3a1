#!/bin/sh
# Installs maskgate from the boot partition, without a network. Written by maskgate provision, and run at each
# start: by cloud-init (vendor-data), or by systemd (systemd.run= in cmdline.txt), which then starts the machine again.
# A power cut at any point is no harm: the package goes from the partition when it is installed, and only then. Where
# maskgate is installed already, no package is taken: whoever can write to the card could put one there.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
boot=${0%/*}
log=/run/maskgate-install.log

quiet_apt() {
    apt-get -y -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

installed() {
    [ "$(dpkg-query --show --showformat='${Status}' maskgate 2>/dev/null)" = 'install ok installed' ]
}

install() {
    dpkg --configure -a
    # with --no-download, apt does not take a file
    quiet_apt install --no-install-recommends --allow-downgrades --reinstall "$1"
}

tell() {
    {
        echo "maskgate was NOT installed. The machine goes on without it, as it was."
        echo
        echo "${1##*/} could not be installed; the last that was said:"
        tail -n 25 "$log" | sed 's/^/    /'
        echo
        echo "Mend that, then run on the machine: sudo apt install $1"
        echo "or put the right package on the card with: maskgate provision"
    } | sed 's/$/\r/' >"$boot/maskgate-report.new"
    mv "$boot/maskgate-report.new" "$boot/maskgate-report.txt"
}

# Takes our entry from the kernel's command line, and the reboot that came with it unless another script needs it.
forget_first_run() {
    # the machine does not boot with half a line: rather the old one
    sed "s| systemd.run=$0||" "$boot/cmdline.txt" >"$boot/cmdline.new" || return
    grep -q ' systemd.run=' "$boot/cmdline.new" ||
        sed -i 's| systemd.run_success_action=reboot systemd.unit=kernel-command-line.target||' "$boot/cmdline.new" ||
        return
    sync
    grep -q 'root=' "$boot/cmdline.new" && mv "$boot/cmdline.new" "$boot/cmdline.txt"
}

first_run=0
grep -qs " systemd.run=$0" "$boot/cmdline.txt" && first_run=1
for deb in "$boot"/maskgate_*.deb; do
    [ -e "$deb" ] || continue
    installed && continue
    if install "$deb" >"$log" 2>&1; then
        sync
        rm "$deb"
        # Not waited for: so early in a boot they wait for us. With a restart ahead, they start with that.
        [ "$first_run" != 0 ] || systemctl --no-block start maskgate-machine.service maskgate-machine-report.timer
    else
        tell "$deb"
    fi
    cat "$log"
done
[ "$first_run" = 0 ] || forget_first_run
sync
exit 0
