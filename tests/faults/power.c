/* A disk that keeps nothing but what was synced: whenever a file in $POWER_DISK is synced, its content goes to
 * $POWER_KEPT, and what was removed goes from there only when the folder itself is synced.  What lies there is what
 * a power cut leaves.   cc -shared -fPIC -o power.so power.c -ldl */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void forget(const char *disk, const char *kept) {
    char path[PATH_MAX];
    DIR *folder = opendir(kept);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        snprintf(path, sizeof path, "%s/%s", disk, entry->d_name);
        if (access(path, F_OK)) {
            snprintf(path, sizeof path, "%s/%s", kept, entry->d_name);
            unlink(path);
        }
    }
    if (folder) closedir(folder);
}

static void keep(int fd) {
    char link[64], path[PATH_MAX], to[PATH_MAX], temporary[PATH_MAX + 8], buffer[65536];
    const char *disk = getenv("POWER_DISK"), *kept = getenv("POWER_KEPT");
    if (!disk || !kept) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return;
    path[length] = 0;
    if (!strcmp(path, disk)) {
        forget(disk, kept);
        return;
    }
    size_t prefix = strlen(disk);
    if (strncmp(path, disk, prefix) || path[prefix] != '/' || strchr(path + prefix + 1, '/')) return;
    snprintf(to, sizeof to, "%s/%s", kept, path + prefix + 1);
    snprintf(temporary, sizeof temporary, "%s.new", to);
    int in = open(path, O_RDONLY | O_CLOEXEC), out = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t n;
    while ((n = read(in, buffer, sizeof buffer)) > 0)
        if (write(out, buffer, n) != n) abort();
    close(in);
    close(out);
    if (rename(temporary, to)) abort();
}

#define SYNC(name)                                                        \
    int name(int fd) {                                                    \
        int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, #name);         \
        int result = real(fd);                                            \
        if (!result) keep(fd);                                            \
        return result;                                                    \
    }
SYNC(fsync)
SYNC(fdatasync)
