/* Preloaded into the programs of this project by its tests: ends a process with SIGKILL right before
 * one of its calls of the C library that open, change or remove files.
 *
 * KILL_WORD    a word of the command line of the processes that are meant; empty: all
 * KILL_AT      the number of the call, from 1
 * KILL_MARKER  a file that is made before the kill; where it is there already nobody is killed, so
 *              that the process which takes the place of the first lives
 * KILL_PARENT  if set, the process's parent dies, too, and first
 *
 * What a program asks of the kernel without the C library passes unseen. Programs that a program
 * starts get these variables and LD_PRELOAD even if it keeps them from all others. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static const char *const names[] = {"LD_PRELOAD", "KILL_WORD", "KILL_AT", "KILL_MARKER",
                                    "KILL_PARENT"};
#define NAMES (sizeof names / sizeof *names)
static char ours[NAMES][4200];
static long kill_at = 0;
static char marker[4096];
static atomic_long calls;

__attribute__((constructor)) static void begin(void)
{
    const char *at = getenv("KILL_AT"), *word = getenv("KILL_WORD"), *file = getenv("KILL_MARKER");
    char line[65536];
    long length, fd;
    for (size_t i = 0; i < NAMES; i++) {
        const char *value = getenv(names[i]);
        if (!value || snprintf(ours[i], sizeof ours[i], "%s=%s", names[i], value)
                          >= (int)sizeof ours[i])
            ours[i][0] = 0;
    }
    if (!at || !file || strlen(file) >= sizeof marker)
        return;
    fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return;
    length = syscall(SYS_read, fd, line, sizeof line - 1);
    syscall(SYS_close, fd);
    if (length < 0)
        return;
    line[length] = 0;
    if (word && *word) {
        int found = 0;
        for (long i = 0; i < length; i += (long)strlen(line + i) + 1)
            found |= !strcmp(line + i, word);
        if (!found)
            return;
    }
    strcpy(marker, file);
    kill_at = atol(at);
}

static void count(void)
{
    if (!kill_at || atomic_fetch_add(&calls, 1) + 1 != kill_at)
        return;
    long fd = syscall(SYS_openat, AT_FDCWD, marker, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    syscall(SYS_close, fd);
    if (getenv("KILL_PARENT"))
        syscall(SYS_kill, syscall(SYS_getppid), SIGKILL);
    syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
}

#define NEXT(type, name, ...)                      \
    static type (*next)(__VA_ARGS__);              \
    if (!next)                                     \
        *(void **)&next = dlsym(RTLD_NEXT, name);  \
    count()

#define OPEN(name)                                                   \
    int name(const char *path, int flags, ...)                       \
    {                                                                \
        NEXT(int, #name, const char *, int, ...);                    \
        va_list more;                                                \
        va_start(more, flags);                                       \
        mode_t mode = va_arg(more, mode_t);                          \
        va_end(more);                                                \
        return next(path, flags, mode);                              \
    }
#define OPENAT(name)                                                 \
    int name(int dir, const char *path, int flags, ...)              \
    {                                                                \
        NEXT(int, #name, int, const char *, int, ...);               \
        va_list more;                                                \
        va_start(more, flags);                                       \
        mode_t mode = va_arg(more, mode_t);                          \
        va_end(more);                                                \
        return next(dir, path, flags, mode);                         \
    }
#define ONE(name)                                                    \
    int name(int fd)                                                 \
    {                                                                \
        NEXT(int, #name, int);                                       \
        return next(fd);                                             \
    }
#define PWRITE(name, offset_type)                                    \
    ssize_t name(int fd, const void *from, size_t size, offset_type offset) \
    {                                                                \
        NEXT(ssize_t, #name, int, const void *, size_t, offset_type); \
        return next(fd, from, size, offset);                         \
    }
#define FTRUNCATE(name, offset_type)                                 \
    int name(int fd, offset_type size)                               \
    {                                                                \
        NEXT(int, #name, int, offset_type);                          \
        return next(fd, size);                                       \
    }

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
ONE(fsync)
ONE(fdatasync)
ONE(close)
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)
FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)

ssize_t write(int fd, const void *from, size_t size)
{
    NEXT(ssize_t, "write", int, const void *, size_t);
    return next(fd, from, size);
}

ssize_t read(int fd, void *to, size_t size)
{
    NEXT(ssize_t, "read", int, void *, size_t);
    return next(fd, to, size);
}

int rename(const char *from, const char *to)
{
    NEXT(int, "rename", const char *, const char *);
    return next(from, to);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    NEXT(int, "renameat", int, const char *, int, const char *);
    return next(from_dir, from, to_dir, to);
}

int unlink(const char *path)
{
    NEXT(int, "unlink", const char *);
    return next(path);
}

int unlinkat(int dir, const char *path, int flags)
{
    NEXT(int, "unlinkat", int, const char *, int);
    return next(dir, path, flags);
}

extern char **environ;

/* The environment with what this library needs in front. */
static char **with_ours(char *const *env)
{
    static char *all[1024];
    size_t count = 0;
    for (size_t i = 0; i < NAMES; i++)
        if (ours[i][0])
            all[count++] = ours[i];
    while (env && *env && count < 1023)
        all[count++] = *env++;
    all[count] = NULL;
    return all;
}

int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attributes, char *const argv[], char *const env[])
{
    static int (*next)(pid_t *, const char *, const posix_spawn_file_actions_t *,
                       const posix_spawnattr_t *, char *const[], char *const[]);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "posix_spawnp");
    return next(pid, file, actions, attributes, argv, with_ours(env));
}

/* By now `environ` may be the one of the program to come: what we need was kept in the beginning. */
int execvp(const char *file, char *const argv[])
{
    static int (*next)(const char *, char *const[], char *const[]);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "execvpe");
    return next(file, argv, with_ours(environ));
}
