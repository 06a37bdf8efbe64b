/*
 * Loaded ahead of a server (LD_PRELOAD): its append-only files lie on a disk that fails as the file named by FAULTY_DISK says
 * at that moment: "sync slow", each sync takes 300 ms; "sync fails" and "write fails", with EIO; "read only", with EROFS;
 * with "write hangs" each write waits while that is so, with "write slow" each takes 300 ms. There may be several, with commas.
 * Its snapshots do so for "snapshot write fails", "snapshot sync fails" and "snapshot rename fails", all with EIO; with
 * "snapshot hangs", or "rewrite hangs" for new bases of the append-only file, each write to one waits while that is so.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SLOW_US = 300000, HANGING_US = 5000 };

/* Faults are separated by commas. */
static bool has_fault(const char *text, const char *fault) {
  for (const char *at = strstr(text, fault); at != NULL; at = strstr(at + 1, fault)) {
    if (at == text || (at >= text + 2 && strncmp(at - 2, ", ", 2) == 0)) return true;
  }
  return false;
}

static bool is_told(const char *fault) {
  const char *path = getenv("FAULTY_DISK");
  int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char text[64] = {0};
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  return length > 0 && has_fault(text, fault);
}

static bool is_named(int fd, const char *part) {
  char link[32], path[512];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return false;
  path[length] = 0;
  return strstr(path, part) != NULL;
}

static bool is_append_only(int fd) { return is_named(fd, ".incr.aof"); }

static bool is_snapshot(int fd) { return is_named(fd, "/temp-kv-"); }

static bool is_base(int fd) { return is_named(fd, "/temp-rewriteaof-bg-"); }

/* 0, or what a write to this file is to fail with. */
static int fault_of_write(int fd) {
  if (is_snapshot(fd)) {
    while (is_told("snapshot hangs")) usleep(HANGING_US);
    return is_told("snapshot write fails") ? EIO : 0;
  }
  if (is_base(fd)) {
    while (is_told("rewrite hangs")) usleep(HANGING_US);
    return 0;
  }
  if (!is_append_only(fd)) return 0;
  while (is_told("write hangs")) usleep(HANGING_US);
  if (is_told("write slow")) usleep(SLOW_US);
  return is_told("read only") ? EROFS : is_told("write fails") ? EIO : 0;
}

/* The call by its real name, unless it is to fail. */
#define UNLESS_FAULTY(name, type, ...)                                                                                 \
  type *real = (type *)dlsym(RTLD_NEXT, name);                                                                         \
  int fault = fault_of_write(fd);                                                                                      \
  if (fault == 0) return real(__VA_ARGS__);                                                                            \
  errno = fault;                                                                                                       \
  return -1

typedef ssize_t write_call(int, const void *, size_t);
typedef ssize_t writev_call(int, const struct iovec *, int);
typedef ssize_t pwrite_call(int, const void *, size_t, off_t);
typedef ssize_t pwritev_call(int, const struct iovec *, int, off_t);

ssize_t write(int fd, const void *bytes, size_t count) { UNLESS_FAULTY("write", write_call, fd, bytes, count); }

ssize_t writev(int fd, const struct iovec *pieces, int count) {
  UNLESS_FAULTY("writev", writev_call, fd, pieces, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
  UNLESS_FAULTY("pwrite", pwrite_call, fd, bytes, count, at);
}

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t at) {
  UNLESS_FAULTY("pwritev", pwritev_call, fd, pieces, count, at);
}

/* The same calls, as programs have them that were built for large files. */
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
  UNLESS_FAULTY("pwrite64", pwrite_call, fd, bytes, count, at);
}

ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off64_t at) {
  UNLESS_FAULTY("pwritev64", pwritev_call, fd, pieces, count, at);
}

int fdatasync(int fd) {
  int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
  if (!is_append_only(fd)) return real(fd);
  if (is_told("sync fails")) {
    errno = EIO;
    return -1;
  }
  if (is_told("sync slow")) usleep(SLOW_US);
  return real(fd);
}

int fsync(int fd) {
  int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
  if (!is_snapshot(fd) || !is_told("snapshot sync fails")) return real(fd);
  errno = EIO;
  return -1;
}

int rename(const char *from, const char *to) {
  int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
  if (strstr(from, "/temp-kv-") == NULL || !is_told("snapshot rename fails")) return real(from, to);
  errno = EIO;
  return -1;
}
