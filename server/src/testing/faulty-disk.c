/*
 * Loaded ahead of a server (LD_PRELOAD): its append-only files lie on a disk that fails as the file named by FAULTY_DISK says
 * at that moment: "sync slow", each sync takes 300 ms; "sync fails" and "write fails", with EIO; "read only", with EROFS.
 * Its snapshots do so for "snapshot write fails", "snapshot sync fails" and "snapshot rename fails", all with EIO.
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

enum { SLOW_US = 300000 };

static bool is_told(const char *fault) {
  const char *path = getenv("FAULTY_DISK");
  int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char text[32] = {0};
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  return length > 0 && strncmp(text, fault, strlen(fault)) == 0;
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

/* 0, or what a write to this file is to fail with. */
static int fault_of_write(int fd) {
  if (is_snapshot(fd)) return is_told("snapshot write fails") ? EIO : 0;
  if (!is_append_only(fd)) return 0;
  return is_told("read only") ? EROFS : is_told("write fails") ? EIO : 0;
}

ssize_t write(int fd, const void *bytes, size_t count) {
  ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
  int fault = fault_of_write(fd);
  if (fault == 0) return real(fd, bytes, count);
  errno = fault;
  return -1;
}

ssize_t writev(int fd, const struct iovec *pieces, int count) {
  ssize_t (*real)(int, const struct iovec *, int) = dlsym(RTLD_NEXT, "writev");
  int fault = fault_of_write(fd);
  if (fault == 0) return real(fd, pieces, count);
  errno = fault;
  return -1;
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
