/*
 * Reads and writes many sockets in one call from JavaScript. What node:net does for each socket and each turn of the event
 * loop (a call into JavaScript, an object for each write) is done once for all that are ready.
 *
 * The sockets stay Node's: it accepts, closes and owns them. This part only watches their descriptors in an epoll set of its
 * own, which the event loop polls as one handle, and calls recv and send on them. Whatever is not plain data (end of the
 * stream, errors, a peer that does not read) it reports and leaves to Node.
 *
 * Invariants: a descriptor is used only while its JavaScript owner says that it is open; nothing here outlives the
 * environment (the cleanup hook closes the handle); no call blocks.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* The few symbols of libuv that are needed; node exports them, and libuv keeps their form within version 1. */
typedef struct uv_handle_s uv_handle_t;
typedef struct uv_loop_s uv_loop_t;
enum { UV_POLL_TYPE = 8, UV_READABLE_EVENT = 1 };
extern size_t uv_handle_size(int type);
extern int uv_poll_init(uv_loop_t *loop, uv_handle_t *handle, int fd);
extern int uv_poll_start(uv_handle_t *handle, int events, void (*callback)(uv_handle_t *handle, int status, int events));
extern void uv_close(uv_handle_t *handle, void (*callback)(uv_handle_t *handle));
extern void uv_unref(uv_handle_t *handle);
extern void uv_handle_set_data(uv_handle_t *handle, void *data);
extern void *uv_handle_get_data(const uv_handle_t *handle);

/* Sockets of one turn; the others are ready in the next, and first in the kernel's list then. */
enum { MAX_READY = 128 };
/* While there is more, it goes on without a turn of the whole event loop, so many times; more often while JavaScript gathers. */
enum { ROUNDS = 8, GATHERING_ROUNDS = 64 };
/* Urgent data ends a read early, so it must be seen as a reason to read again. */
enum { WATCHED_EVENTS = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET };
/* One socket's share of a turn: as much as fits, but everybody gets his. */
enum { MAX_READ_BYTES = 64 << 10 };
/* A row of the table of reads: descriptor, start and end in the buffer; the end is END_OF_STREAM or -errno otherwise. */
enum { READ_ROW = 3, END_OF_STREAM = 0 };
/* A row of the table of writes: descriptor (none if negative), start, end; the first becomes the number of bytes sent. */
enum { WRITE_ROW = 3 };

typedef struct {
  napi_env env;
  napi_async_context context;
  napi_ref ready;
  napi_ref read_buffer;
  napi_ref read_table;
  napi_async_cleanup_hook_handle cleanup;
  uint8_t *bytes;
  size_t capacity;
  int32_t *table;
  int epoll;
  uv_handle_t *poll;
  bool is_closing;
  /* The poll handle and the object in JavaScript: the last one to go frees this. */
  int owners;
} Batch;

static napi_value fail(napi_env env, const char *what, int error) {
  char code[16];
  char message[96];
  snprintf(code, sizeof code, "E%d", error);
  snprintf(message, sizeof message, "%s failed with errno %d", what, error);
  napi_throw_error(env, code, message);
  return NULL;
}

/*
 * The kernel reports a socket once for what has come, which spares it to look at each again before it reports the next.
 * Where there may be more than was read, or the end of the stream behind it, it is asked for another report.
 */
static void report_again(Batch *batch, int fd) {
  struct epoll_event event = {.events = WATCHED_EVENTS, .data = {.fd = fd}};
  epoll_ctl(batch->epoll, EPOLL_CTL_MOD, fd, &event);
}

/* Reads once from every socket that is ready, one behind the other into the buffer. Gives the number of rows. */
static int read_ready(Batch *batch) {
  struct epoll_event events[MAX_READY];
  int ready = epoll_wait(batch->epoll, events, MAX_READY, 0);
  if (ready <= 0) return 0;
  size_t share = batch->capacity / (size_t)ready;
  if (share > MAX_READ_BYTES) share = MAX_READ_BYTES;
  size_t position = 0;
  int rows = 0;
  for (int i = 0; i < ready; i++) {
    int fd = events[i].data.fd;
    ssize_t got = recv(fd, batch->bytes + position, share, MSG_DONTWAIT);
    if (got > 0 && ((size_t)got == share || (events[i].events & ~EPOLLIN) != 0)) report_again(batch, fd);
    if (got < 0 && errno == EINTR) report_again(batch, fd);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) continue;
    int32_t *row = batch->table + rows++ * READ_ROW;
    row[0] = fd;
    row[1] = (int32_t)position;
    if (got > 0) position += (size_t)got;
    row[2] = got > 0 ? (int32_t)position : got == 0 ? END_OF_STREAM : -errno;
  }
  return rows;
}

/* Gives whether JavaScript would rather have more before it ends the turn; it ends it when told of no rows. */
static bool report(Batch *batch, int rows) {
  napi_env env = batch->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return false;
  napi_value callback, receiver, count, answer;
  bool gathers = false;
  if (napi_get_reference_value(env, batch->ready, &callback) == napi_ok && napi_get_global(env, &receiver) == napi_ok &&
      napi_create_int32(env, rows, &count) == napi_ok) {
    napi_status status = napi_make_callback(env, batch->context, receiver, callback, 1, &count, &answer);
    if (status == napi_ok) napi_get_value_bool(env, answer, &gathers);
    if (status == napi_pending_exception) {
      napi_value error;
      napi_get_and_clear_last_exception(env, &error);
      napi_fatal_exception(env, error);
    }
  }
  napi_close_handle_scope(env, scope);
  return gathers;
}

static void on_poll(uv_handle_t *handle, int status, int events) {
  Batch *batch = uv_handle_get_data(handle);
  (void)status;
  (void)events;
  bool gathers = false;
  for (int round = 0; round < (gathers ? GATHERING_ROUNDS : ROUNDS) && !batch->is_closing; round++) {
    int rows = read_ready(batch);
    if (rows == 0) break;
    gathers = report(batch, rows);
  }
  if (gathers && !batch->is_closing) report(batch, 0);
}

static void release(Batch *batch) {
  if (--batch->owners == 0) free(batch);
}

static void on_closed(uv_handle_t *handle) {
  Batch *batch = uv_handle_get_data(handle);
  free(handle);
  close(batch->epoll);
  if (batch->cleanup != NULL) napi_remove_async_cleanup_hook(batch->cleanup);
  release(batch);
}

static void close_batch(Batch *batch) {
  if (batch->is_closing) return;
  batch->is_closing = true;
  uv_close(batch->poll, on_closed);
}

/* A hook that is not removed until its handle is closed keeps the environment's loop running that long. */
static void on_environment_end(napi_async_cleanup_hook_handle hook, void *data) {
  (void)hook;
  close_batch(data);
}

static void on_collected(napi_env env, void *data, void *hint) {
  Batch *batch = data;
  (void)hint;
  napi_delete_reference(env, batch->ready);
  napi_delete_reference(env, batch->read_buffer);
  napi_delete_reference(env, batch->read_table);
  napi_async_destroy(env, batch->context);
  close_batch(batch);
  release(batch);
}

/* Gives 0 or an errno; on failure nothing is left open. */
static int start_polling(Batch *batch, uv_loop_t *loop) {
  batch->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (batch->epoll < 0) return errno;
  batch->poll = calloc(1, uv_handle_size(UV_POLL_TYPE));
  int error = batch->poll == NULL ? -ENOMEM : uv_poll_init(loop, batch->poll, batch->epoll);
  if (error != 0) {
    free(batch->poll);
    close(batch->epoll);
    return -error;
  }
  uv_handle_set_data(batch->poll, batch);
  uv_unref(batch->poll);
  uv_poll_start(batch->poll, UV_READABLE_EVENT, on_poll);
  return 0;
}

/* create(buffer: Uint8Array, table: Int32Array, ready: (rows: number) => boolean): the batch, an opaque object */
static napi_value create(napi_env env, napi_callback_info info) {
  size_t argc = 3;
  napi_value argv[3], name, external;
  uv_loop_t *loop;
  size_t rows;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  Batch *batch = calloc(1, sizeof *batch);
  if (batch == NULL) return fail(env, "calloc", ENOMEM);
  batch->env = env;
  batch->owners = 2;
  if (argc < 3 || napi_get_typedarray_info(env, argv[0], NULL, &batch->capacity, (void **)&batch->bytes, NULL, NULL) != napi_ok ||
      napi_get_typedarray_info(env, argv[1], NULL, &rows, (void **)&batch->table, NULL, NULL) != napi_ok ||
      rows < MAX_READY * READ_ROW || batch->capacity < MAX_READY || napi_get_uv_event_loop(env, (struct uv_loop_s **)&loop) != napi_ok) {
    free(batch);
    return fail(env, "create", EINVAL);
  }
  int error = start_polling(batch, loop);
  if (error != 0) {
    free(batch);
    return fail(env, "epoll", error);
  }
  napi_create_reference(env, argv[2], 1, &batch->ready);
  napi_create_reference(env, argv[0], 1, &batch->read_buffer);
  napi_create_reference(env, argv[1], 1, &batch->read_table);
  napi_create_string_utf8(env, "kvcluster:socket-batch", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env, NULL, name, &batch->context);
  napi_add_async_cleanup_hook(env, on_environment_end, batch, &batch->cleanup);
  napi_create_external(env, batch, on_collected, NULL, &external);
  return external;
}

static Batch *batch_and_number(napi_env env, napi_callback_info info, int32_t *number) {
  size_t argc = 2;
  napi_value argv[2];
  Batch *batch = NULL;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (napi_get_value_external(env, argv[0], (void **)&batch) != napi_ok) return NULL;
  if (number != NULL && napi_get_value_int32(env, argv[1], number) != napi_ok) return NULL;
  return batch->is_closing ? NULL : batch;
}

/* watch(batch, descriptor): throws if the kernel cannot */
static napi_value watch(napi_env env, napi_callback_info info) {
  int32_t fd;
  Batch *batch = batch_and_number(env, info, &fd);
  if (batch == NULL) return fail(env, "watch", EINVAL);
  struct epoll_event event = {.events = WATCHED_EVENTS, .data = {.fd = fd}};
  if (epoll_ctl(batch->epoll, EPOLL_CTL_ADD, fd, &event) != 0) return fail(env, "epoll_ctl", errno);
  return NULL;
}

/* unwatch(batch, descriptor): closing a descriptor does the same */
static napi_value unwatch(napi_env env, napi_callback_info info) {
  int32_t fd;
  Batch *batch = batch_and_number(env, info, &fd);
  if (batch != NULL) epoll_ctl(batch->epoll, EPOLL_CTL_DEL, fd, NULL);
  return NULL;
}

/* send(buffer: Uint8Array, table: Int32Array, rows: number): each descriptor in the table becomes the number of bytes sent */
static napi_value send_all(napi_env env, napi_callback_info info) {
  size_t argc = 3, capacity, length;
  napi_value argv[3];
  uint8_t *bytes;
  int32_t *table;
  int32_t rows;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (argc < 3 || napi_get_typedarray_info(env, argv[0], NULL, &capacity, (void **)&bytes, NULL, NULL) != napi_ok ||
      napi_get_typedarray_info(env, argv[1], NULL, &length, (void **)&table, NULL, NULL) != napi_ok ||
      napi_get_value_int32(env, argv[2], &rows) != napi_ok || rows < 0 || (size_t)rows * WRITE_ROW > length)
    return fail(env, "send", EINVAL);
  for (int32_t *row = table; rows > 0; rows--, row += WRITE_ROW) {
    if (row[0] < 0) {
      row[0] = 0;
      continue;
    }
    if (row[1] < 0 || row[2] < row[1] || (size_t)row[2] > capacity) return fail(env, "send", EINVAL);
    ssize_t sent = send(row[0], bytes + row[1], (size_t)(row[2] - row[1]), MSG_DONTWAIT | MSG_NOSIGNAL);
    row[0] = sent < 0 ? 0 : (int32_t)sent;
  }
  return NULL;
}

/* close(batch): nothing is reported any more; the sockets stay open */
static napi_value close_it(napi_env env, napi_callback_info info) {
  Batch *batch = batch_and_number(env, info, NULL);
  if (batch != NULL) close_batch(batch);
  return NULL;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"create", NULL, create, NULL, NULL, NULL, napi_enumerable, NULL},
      {"watch", NULL, watch, NULL, NULL, NULL, napi_enumerable, NULL},
      {"unwatch", NULL, unwatch, NULL, NULL, NULL, napi_enumerable, NULL},
      {"send", NULL, send_all, NULL, NULL, NULL, napi_enumerable, NULL},
      {"close", NULL, close_it, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
  return exports;
}
