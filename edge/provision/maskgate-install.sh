#!/bin/sh
# Installs maskgate from the boot partition, without a network. maskgate provision wrote this file. cloud-init runs it
# at each start (vendor-data), or systemd does (systemd.run= in cmdline.txt) and then restarts the machine. A power cut
# does no harm at any point: the package is deleted from the partition only when it is installed. If maskgate is
# installed already, no package is taken, because anybody who can write to the card could have put it there.
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
    # apt takes no file together with --no-download
    quiet_apt install --no-install-recommends --allow-downgrades --reinstall "$1"
}

report() {
    {
        echo "maskgate was NOT installed. The machine runs on without it, unchanged."
        echo
        echo "${1##*/} could not be installed; the last messages were:"
        tail -n 25 "$log" | sed 's/^/    /'
        echo
        echo "Solve that problem, then run on the machine: sudo apt install $1"
        echo "or put the right package on the card with: maskgate provision"
    } | sed 's/$/\r/' >"$boot/maskgate-report.new"
    mv "$boot/maskgate-report.new" "$boot/maskgate-report.txt"
}

# Removes our entry from the kernel's command line, and the restart that belongs to it unless another script needs it.
forget_first_run() {
    # the machine does not boot with an incomplete line, so the old one stays unless the new one is complete
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
        # Do not wait: so early in a boot they wait for this script. If a restart follows, they start with that.
        [ "$first_run" != 0 ] || systemctl --no-block start maskgate-machine.service maskgate-machine-report.timer
    else
        report "$deb"
    fi
    cat "$log"
done
[ "$first_run" = 0 ] || forget_first_run
sync
exit 0
