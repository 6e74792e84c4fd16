/* xla_abi.h: the part of XLA's foreign function interface that a handler needs, version 0.3.
 *
 * Declared here so that the library builds where XLA is not; the layout is that of xla/ffi/api/c_api.h, which comes with
 * jaxlib (tests/test_jax_abi.py compares them, member by member, where that is installed). Names are our own.
 */
#ifndef FD_XLA_ABI_H
#define FD_XLA_ABI_H

#include <stddef.h>
#include <stdint.h>

#define XLA_MAJOR 0
#define XLA_MINOR 3

enum { XLA_METADATA = 1 };                          /* kinds of extensions */
enum { XLA_INSTANTIATE, XLA_PREPARE, XLA_INITIALIZE, XLA_EXECUTE }; /* stages */
enum { XLA_BUFFER = 1 };                            /* kinds of operands and results */
enum { XLA_ARRAY = 1 };                             /* kinds of attributes */
enum { XLA_INVALID_ARGUMENT = 3, XLA_UNIMPLEMENTED = 12, XLA_INTERNAL = 13 };
enum { XLA_S32 = 4, XLA_S64 = 5, XLA_U32 = 8, XLA_F16 = 10, XLA_F32 = 11, XLA_F64 = 12, XLA_C64 = 15, XLA_BF16 = 16,
       XLA_C128 = 18 };

/* Each structure begins with its size, as the one that made it knows it, and a list of extensions. */
typedef struct xla_extension {
    size_t size;
    int kind;
    struct xla_extension *next;
} xla_extension;

typedef struct xla_version {
    size_t size;
    xla_extension *extensions;
    int major;
    int minor;
} xla_version;

typedef struct xla_error xla_error; /* theirs */

typedef struct xla_new_error {
    size_t size;
    xla_extension *extensions;
    const char *message;
    int code;
} xla_new_error;

typedef struct xla_schedule {
    size_t size;
    xla_extension *extensions;
    void *context;
    void (*task)(void *data);
    void *data;
} xla_schedule;

typedef struct xla_num_threads {
    size_t size;
    xla_extension *extensions;
    void *context;
    int64_t *num_threads;
} xla_num_threads;

typedef struct xla_error_ref {
    size_t size;
    xla_extension *extensions;
    xla_error *error;
} xla_error_ref;

typedef struct xla_api {
    size_t size;
    xla_extension *extensions;
    xla_version version;
    const void *internal;
    xla_error *(*new_error)(xla_new_error *arguments);
    void *error_message;
    void (*delete_error)(xla_error_ref *arguments);
    void *unused[8]; /* handlers, streams, types, state, memory */
    xla_error *(*schedule)(xla_schedule *arguments);
    xla_error *(*num_threads)(xla_num_threads *arguments);
} xla_api; /* and more behind it */

typedef struct xla_buffer {
    size_t size;
    xla_extension *extensions;
    int dtype;
    void *data;
    int64_t rank;
    int64_t *shape;
} xla_buffer;

typedef struct xla_list { /* of operands, or of results */
    size_t size;
    xla_extension *extensions;
    int64_t count;
    int *kinds;
    void **items;
} xla_list;

typedef struct xla_text {
    const char *start;
    size_t length;
} xla_text;

typedef struct xla_array {
    int dtype;
    size_t count;
    void *data;
} xla_array;

typedef struct xla_attributes { /* by name, in order */
    size_t size;
    xla_extension *extensions;
    int64_t count;
    int *kinds;
    xla_text **names;
    void **items;
} xla_attributes;

typedef struct xla_frame {
    size_t size;
    xla_extension *extensions;
    const xla_api *api;
    void *context;
    int stage;
    xla_list operands;
    xla_list results;
    xla_attributes attributes;
    void *future;
} xla_frame;

typedef struct xla_metadata {
    size_t size;
    xla_version version;
    uint32_t traits;
    int64_t state_type;
} xla_metadata;

typedef struct xla_metadata_extension {
    xla_extension base;
    xla_metadata *metadata;
} xla_metadata_extension;

#endif
