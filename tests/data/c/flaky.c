/* Makes system calls of C's library fail, for tests: loaded before it into the program under test.

   FLAKY_DIR is a directory with a file for each kind of call (read, list, stat), whose lines are
   "<errno> <times> <part of a path>". The file "skip", if there is one, holds how many calls that
   would fail are let through before. Each failure adds a byte to "<kind>.count"; so it is counted
   over all processes, and tests see how often it came. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

/* Adds a byte to a file if it has less than `most`; tells whether it did. */
static int count(const char *kind, const char *what, long most)
{
    char name[4096];
    struct stat counted;
    snprintf(name, sizeof name, FLAKY_DIR "/%s.%s", kind, what);
    int fd = open(name, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0)
        return 0;
    /* Threads and processes count one after the other; closing ends the lock. */
    flock(fd, LOCK_EX);
    int less = fstat(fd, &counted) == 0 && counted.st_size < most && write(fd, "x", 1) == 1;
    close(fd);
    return less;
}

static int decide(const char *kind, const char *path)
{
    char name[4096], part[4096];
    int code = 0;
    long times = 0;
    snprintf(name, sizeof name, FLAKY_DIR "/%s", kind);
    FILE *rule = fopen(name, "r");
    if (!rule)
        return 0;
    int fields = fscanf(rule, "%d %ld %4095s", &code, &times, part);
    fclose(rule);
    if (fields != 3 || !strstr(path, part))
        return 0;
    FILE *skip = fopen(FLAKY_DIR "/skip", "r");
    long most = 0;
    if (skip) {
        if (fscanf(skip, "%ld", &most) != 1)
            most = 0;
        fclose(skip);
    }
    if (count(kind, "skipped", most))
        return 0;
    return count(kind, "count", times) ? code : 0;
}

/* The error that a call is to fail with, or 0. A negative one is a number of milliseconds that the
   call takes longer. */
static int fails(const char *kind, const char *path)
{
    /* readdir tells its end from an error by errno alone. */
    int before = errno;
    int code = decide(kind, path);
    if (code < 0) {
        usleep(-code * 1000);
        code = 0;
    }
    errno = before;
    return code;
}

static int fails_fd(const char *kind, int fd)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0)
        return 0;
    path[n] = 0;
    return fails(kind, path);
}

ssize_t pread64(int fd, void *to, size_t count, off64_t at)
{
    static ssize_t (*real)(int, void *, size_t, off64_t);
    if (!real)
        real = (ssize_t(*)(int, void *, size_t, off64_t))dlsym(RTLD_NEXT, "pread64");
    int code = fails_fd("read", fd);
    if (code) {
        errno = code;
        return -1;
    }
    return real(fd, to, count, at);
}

struct dirent64 *readdir64(DIR *dir)
{
    static struct dirent64 *(*real)(DIR *);
    if (!real)
        real = (struct dirent64 * (*)(DIR *)) dlsym(RTLD_NEXT, "readdir64");
    int code = fails_fd("list", dirfd(dir));
    if (code) {
        errno = code;
        return NULL;
    }
    return real(dir);
}

int statx(int at, const char *path, int flags, unsigned mask, struct statx *to)
{
    static int (*real)(int, const char *, int, unsigned, struct statx *);
    if (!real)
        real = (int (*)(int, const char *, int, unsigned, struct statx *))dlsym(RTLD_NEXT, "statx");
    int code = path && *path ? fails("stat", path) : 0;
    if (code) {
        errno = code;
        return -1;
    }
    return real(at, path, flags, mask, to);
}
