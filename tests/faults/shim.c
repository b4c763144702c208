/* Makes calls that write fail, to see what the service does when its disk does: for LD_PRELOAD.
 *
 * FAULT_TRIGGER  a file; while it is there, calls fail
 * FAULT_PLACE    only on files whose path contains this
 * FAULT_CALLS    "write" or "sync"
 * FAULT_ERROR    the error's number
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int fails(int fd, const char *kind) {
    const char *trigger = getenv("FAULT_TRIGGER"), *place = getenv("FAULT_PLACE");
    const char *calls = getenv("FAULT_CALLS"), *error = getenv("FAULT_ERROR");
    char link[64], path[4096];
    ssize_t length;
    if (!trigger || !place || !calls || !error || strcmp(calls, kind) != 0) return 0;
    if (access(trigger, F_OK) != 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    if (!strstr(path, place)) return 0;
    errno = atoi(error);
    return 1;
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *bytes, size_t count) {
    REAL(write);
    return fails(fd, "write") ? -1 : real(fd, bytes, count);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev);
    return fails(fd, "write") ? -1 : real(fd, parts, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    REAL(pwrite);
    return fails(fd, "write") ? -1 : real(fd, bytes, count, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    REAL(pwrite64);
    return fails(fd, "write") ? -1 : real(fd, bytes, count, at);
}

int fsync(int fd) {
    REAL(fsync);
    return fails(fd, "sync") ? -1 : real(fd);
}

int fdatasync(int fd) {
    REAL(fdatasync);
    return fails(fd, "sync") ? -1 : real(fd);
}
