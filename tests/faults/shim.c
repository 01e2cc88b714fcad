/* Preloaded before libc: counts what a process does to files below given folders, and at one such operation kills
 * the process (half of a write happens first) or answers with an error. Only the process that called fault_arm
 * counts; what it forks goes through untouched. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define FILES 4096
#define NAMES 65536

static atomic_long count;
static long fail_at = -1;
static int error_number, every_later;
static pid_t armed;
static char roots[2][PATH_MAX];
static char below[FILES];          /* file descriptors of files below the roots */
static const char *names[NAMES];

#define REAL(result, name, ...)                                    \
    static result (*real)(__VA_ARGS__);                            \
    if (!real) real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

void fault_arm(long at, int error, int sticky, const char *first, const char *second) {
    snprintf(roots[0], PATH_MAX, "%s", first);
    snprintf(roots[1], PATH_MAX, "%s", second);
    fail_at = at, error_number = error, every_later = sticky;
    count = 0;
    armed = getpid();
}

void fault_disarm(void) { armed = 0; }
long fault_count(void) { return count; }
const char *fault_name(long i) { return i < NAMES && names[i] ? names[i] : "?"; }

static int watched(const char *path, int directory) {
    char whole[2 * PATH_MAX];
    if (armed != getpid() || !path) return 0;
    if (path[0] == '/')
        snprintf(whole, sizeof whole, "%s", path);
    else if (directory >= 0 && directory < FILES && below[directory])
        return 1;
    else if (directory == AT_FDCWD && getcwd(whole, PATH_MAX)) {
        strncat(whole, "/", 2);
        strncat(whole, path, PATH_MAX - 1);
    } else
        return 0;
    for (int i = 0; i < 2; i++) {
        size_t n = strlen(roots[i]);
        if (n && !strncmp(whole, roots[i], n)) return 1;
    }
    return 0;
}

static int watched_file(int fd) { return armed == getpid() && fd >= 0 && fd < FILES && below[fd]; }

/* Whether this operation fails; errno is set then. `fd` and `data`: what a killed write leaves half of. */
static int fails(const char *name, int fd, const void *data, size_t size) {
    long now = atomic_fetch_add(&count, 1);
    if (now < NAMES) names[now] = name;
    if (fail_at < 0 || now < fail_at || (now > fail_at && !every_later)) return 0;
    if (!error_number) {
        if (data) {
            REAL(ssize_t, "write", int, const void *, size_t);
            if (real(fd, data, size / 2) < 0) {}
        }
        kill(getpid(), SIGKILL);
        for (;;) pause();
    }
    errno = error_number;
    return 1;
}

static int opened(int fd, int inside) {
    if (fd >= 0 && fd < FILES) below[fd] = inside;
    return fd;
}

#define OPEN(function)                                             \
    int function(const char *path, int flags, ...) {               \
        va_list more;                                              \
        va_start(more, flags);                                     \
        mode_t mode = va_arg(more, mode_t);                        \
        va_end(more);                                              \
        REAL(int, #function, const char *, int, ...);              \
        int inside = watched(path, AT_FDCWD);                      \
        if (inside && fails("open", -1, 0, 0)) return -1;          \
        return opened(real(path, flags, mode), inside);            \
    }
#define OPENAT(function)                                           \
    int function(int directory, const char *path, int flags, ...) { \
        va_list more;                                              \
        va_start(more, flags);                                     \
        mode_t mode = va_arg(more, mode_t);                        \
        va_end(more);                                              \
        REAL(int, #function, int, const char *, int, ...);         \
        int inside = watched(path, directory);                     \
        if (inside && fails("open", -1, 0, 0)) return -1;          \
        return opened(real(directory, path, flags, mode), inside); \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
    REAL(int, "close", int);
    int inside = watched_file(fd), failed = inside && fails("close", -1, 0, 0), error = errno;
    opened(fd, 0);
    int result = real(fd);
    if (failed) errno = error;
    return failed ? -1 : result;
}

ssize_t write(int fd, const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    if (watched_file(fd) && fails("write", fd, data, size)) return -1;
    return real(fd, data, size);
}

#define ON_FILE(result, function, declared, used)                  \
    result function declared {                                     \
        REAL(result, #function, int, ...);                         \
        if (watched_file(fd) && fails(#function, -1, 0, 0)) return -1; \
        return real used;                                          \
    }
ON_FILE(int, fsync, (int fd), (fd))
ON_FILE(int, fdatasync, (int fd), (fd))
ON_FILE(int, ftruncate, (int fd, off_t size), (fd, size))
ON_FILE(int, ftruncate64, (int fd, off64_t size), (fd, size))
ON_FILE(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at))
ON_FILE(ssize_t, read, (int fd, void *data, size_t size), (fd, data, size))
ON_FILE(ssize_t, pread64, (int fd, void *data, size_t size, off64_t at), (fd, data, size, at))

#define ON_PATH(function, declared, path, directory, used)         \
    int function declared {                                        \
        REAL(int, #function, );                                    \
        if (watched(path, directory) && fails(#function, -1, 0, 0)) return -1; \
        return real used;                                          \
    }
ON_PATH(unlink, (const char *path), path, AT_FDCWD, (path))
ON_PATH(rmdir, (const char *path), path, AT_FDCWD, (path))
ON_PATH(mkdir, (const char *path, mode_t mode), path, AT_FDCWD, (path, mode))
ON_PATH(rename, (const char *from, const char *to), to, AT_FDCWD, (from, to))
ON_PATH(link, (const char *from, const char *to), to, AT_FDCWD, (from, to))
ON_PATH(unlinkat, (int d, const char *path, int flags), path, d, (d, path, flags))
ON_PATH(mkdirat, (int d, const char *path, mode_t mode), path, d, (d, path, mode))
ON_PATH(renameat, (int a, const char *from, int b, const char *to), to, b, (a, from, b, to))
ON_PATH(linkat, (int a, const char *from, int b, const char *to, int flags), to, b, (a, from, b, to, flags))
