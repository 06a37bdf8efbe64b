/*
 * Large pieces of memory for data, from the system itself, as SharedArrayBuffers. Nothing shares them between threads; the
 * kind is chosen because V8 neither counts it when it decides to collect garbage nor expects it to be detached.
 *
 * What is given back loses its pages at once, on a thread of the pool, but keeps its addresses: whoever still held a view
 * would read zeros.
 */

#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <node_api.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

typedef void (*finalize_without_environment)(void *data, void *hint);
/* In Node since 24.9; weak, so that an older one can load this and is told that there is none. */
extern __attribute__((weak)) napi_status node_api_create_external_sharedarraybuffer(napi_env env, void *data, size_t length,
                                                                                    finalize_without_environment finalize, void *hint,
                                                                                    napi_value *result);

typedef struct {
  napi_async_work work;
  napi_deferred deferred;
  napi_ref view;
  void *bytes;
  size_t length;
  int status;
} Clearing;

/* Called after the environment has ended, too: the library is linked to stay loaded. */
static void unmap(void *bytes, void *length) { munmap(bytes, (size_t)(uintptr_t)length); }

/* map(length): a SharedArrayBuffer of zeros, or undefined if the system refuses or this Node has no such buffers. */
static napi_value map(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1], result = NULL;
  int64_t length = 0;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (argc < 1 || napi_get_value_int64(env, argv[0], &length) != napi_ok || length <= 0) return NULL;
  if (node_api_create_external_sharedarraybuffer == NULL) return NULL;
  void *bytes = mmap(NULL, (size_t)length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (bytes == MAP_FAILED) return NULL;
  void *hint = (void *)(uintptr_t)length;
  if (node_api_create_external_sharedarraybuffer(env, bytes, (size_t)length, unmap, hint, &result) != napi_ok) {
    unmap(bytes, hint);
    return NULL;
  }
  return result;
}

static void drop_pages(napi_env env, void *data) {
  (void)env;
  Clearing *clearing = data;
  clearing->status = madvise(clearing->bytes, clearing->length, MADV_DONTNEED);
}

static void dropped(napi_env env, napi_status status, void *data) {
  Clearing *clearing = data;
  napi_handle_scope scope;
  napi_value result;
  napi_open_handle_scope(env, &scope);
  napi_get_boolean(env, status == napi_ok && clearing->status == 0, &result);
  napi_resolve_deferred(env, clearing->deferred, result);
  napi_delete_reference(env, clearing->view);
  napi_delete_async_work(env, clearing->work);
  napi_close_handle_scope(env, scope);
  free(clearing);
}

/* clear(view): gives the pages below the view back to the system. Resolves to whether it is all zeros now. */
static napi_value clear(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1], name, promise = NULL;
  Clearing *clearing = calloc(1, sizeof *clearing);
  if (clearing == NULL) return NULL;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (argc < 1 || napi_get_typedarray_info(env, argv[0], NULL, &clearing->length, &clearing->bytes, NULL, NULL) != napi_ok ||
      napi_create_string_utf8(env, "kvcluster:chunk-memory", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_async_work(env, NULL, name, drop_pages, dropped, clearing, &clearing->work) != napi_ok) {
    free(clearing);
    return NULL;
  }
  napi_create_reference(env, argv[0], 1, &clearing->view);
  napi_create_promise(env, &clearing->deferred, &promise);
  napi_queue_async_work(env, clearing->work);
  return promise;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"map", NULL, map, NULL, NULL, NULL, napi_enumerable, NULL},
      {"clear", NULL, clear, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
  return exports;
}
