/*
 * Loaded into the programs of one host. Connections of theirs to loopback go to another address of loopback, by port,
 * where a relay stands: CROSSPOOL_STEER is "FROM-TO=ADDRESS;..." . While the file CROSSPOOL_FULL exists, QEMU's
 * programs find no room for what they write to the host's disks.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static int steered(unsigned port, struct in_addr *address)
{
    const char *rule = getenv("CROSSPOOL_STEER");
    unsigned from, to;
    char text[16];
    while (rule && sscanf(rule, "%u-%u=%15[0-9.]", &from, &to, text) == 3) {
        if (port >= from && port <= to) return inet_aton(text, address);
        rule = strchr(rule, ';');
        if (rule) rule++;
    }
    return 0;
}

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    int (*next)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
    if (length < sizeof(struct sockaddr_in) || address->sa_family != AF_INET) return next(fd, address, length);
    struct sockaddr_in other;
    memcpy(&other, address, sizeof other);
    if (other.sin_addr.s_addr != htonl(INADDR_LOOPBACK)) return next(fd, address, length);
    steered(ntohs(other.sin_port), &other.sin_addr);
    return next(fd, (struct sockaddr *)&other, sizeof other);
}

static int is_full(int fd)
{
    const char *flag = getenv("CROSSPOOL_FULL");
    char link[32], path[4096];
    if (!flag || strncmp(program_invocation_short_name, "qemu", 4) != 0 || access(flag, F_OK) != 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, "/disks/") != NULL;
}

#define REFUSE_WHEN_FULL(fd) do { if (is_full(fd)) { errno = ENOSPC; return -1; } } while (0)

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset)
{
    ssize_t (*next)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
    REFUSE_WHEN_FULL(fd);
    return next(fd, bytes, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset)
{
    ssize_t (*next)(int, const struct iovec *, int, off64_t) = dlsym(RTLD_NEXT, "pwritev64");
    REFUSE_WHEN_FULL(fd);
    return next(fd, parts, count, offset);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t length)
{
    int (*next)(int, int, off64_t, off64_t) = dlsym(RTLD_NEXT, "fallocate64");
    REFUSE_WHEN_FULL(fd);
    return next(fd, mode, offset, length);
}
