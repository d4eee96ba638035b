/* dtype.c: names and sizes of element types, and single elements to and from C numbers. */
#include <math.h>

#include "tensor.h"
#include "element.h"

static const struct { const char *name; uint8_t size; } types[SCION_DTYPE_COUNT] = {
  [SCION_F32] = { "f32", 4 }, [SCION_F64] = { "f64", 8 }, [SCION_I32] = { "i32", 4 }, [SCION_I64] = { "i64", 8 },
  [SCION_U8] = { "u8", 1 }, [SCION_BOOL] = { "bool", 1 }, [SCION_F16] = { "f16", 2 }, [SCION_BF16] = { "bf16", 2 },
  [SCION_I8] = { "i8", 1 }, [SCION_I16] = { "i16", 2 }, [SCION_U16] = { "u16", 2 }, [SCION_U32] = { "u32", 4 },
  [SCION_U64] = { "u64", 8 } };

const char *scion_dtype_name(scion_dtype dtype) {
  return (unsigned)dtype < SCION_DTYPE_COUNT ? types[dtype].name : "unknown";
}
size_t scion_dtype_size(scion_dtype dtype) { return (unsigned)dtype < SCION_DTYPE_COUNT ? types[dtype].size : 0; }

int32_t scion_dtype_parse(const char *name) {
  static const struct { const char *name; int32_t dtype; } aliases[] = {
    { "float", SCION_F32 }, { "float32", SCION_F32 }, { "double", SCION_F64 }, { "float64", SCION_F64 },
    { "int", SCION_I32 }, { "int32", SCION_I32 }, { "long", SCION_I64 }, { "int64", SCION_I64 },
    { "byte", SCION_U8 }, { "uint8", SCION_U8 }, { "half", SCION_F16 }, { "float16", SCION_F16 },
    { "bfloat16", SCION_BF16 }, { "int8", SCION_I8 }, { "int16", SCION_I16 }, { "uint16", SCION_U16 },
    { "uint32", SCION_U32 }, { "uint64", SCION_U64 }, { "boolean", SCION_BOOL } };
  for (int32_t i = 0; i < SCION_DTYPE_COUNT; i++)
    if (strcmp(types[i].name, name) == 0) return i;
  for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
    if (strcmp(aliases[i].name, name) == 0) return aliases[i].dtype;
  return -1;
}

static int64_t saturate(double v) {
  if (!(v == v)) return 0;
  if (v >= 9223372036854775808.0) return INT64_MAX;
  if (v < -9223372036854775808.0) return INT64_MIN;
  return (int64_t)v;
}

double scion__element_get(int dtype, const void *p) {
  switch (dtype) {
    case SCION_F32: return *(const float *)p;
    case SCION_F64: return *(const double *)p;
    case SCION_I32: return *(const int32_t *)p;
    case SCION_I64: return (double)*(const int64_t *)p;
    case SCION_U8: case SCION_BOOL: return *(const uint8_t *)p;
    case SCION_F16: return scion__f16_to_f32(*(const uint16_t *)p);
    case SCION_BF16: return scion__bf16_to_f32(*(const uint16_t *)p);
    case SCION_I8: return *(const int8_t *)p;
    case SCION_I16: return *(const int16_t *)p;
    case SCION_U16: return *(const uint16_t *)p;
    case SCION_U32: return *(const uint32_t *)p;
    default: return (double)*(const uint64_t *)p;
  }
}
int64_t scion__element_get_i64(int dtype, const void *p) {
  if (dtype == SCION_I64) return *(const int64_t *)p;
  if (dtype == SCION_U64) return (int64_t)*(const uint64_t *)p;
  return saturate(scion__element_get(dtype, p));
}
void scion__element_set_i64(int dtype, void *p, int64_t v) {
  switch (dtype) {
    case SCION_I64: *(int64_t *)p = v; break;
    case SCION_U64: *(uint64_t *)p = (uint64_t)v; break;
    case SCION_BOOL: *(uint8_t *)p = v != 0; break;
    case SCION_I32: *(int32_t *)p = (int32_t)scion__max(INT32_MIN, scion__min(INT32_MAX, v)); break;
    case SCION_U8: *(uint8_t *)p = (uint8_t)scion__max(0, scion__min(UINT8_MAX, v)); break;
    case SCION_I8: *(int8_t *)p = (int8_t)scion__max(INT8_MIN, scion__min(INT8_MAX, v)); break;
    case SCION_I16: *(int16_t *)p = (int16_t)scion__max(INT16_MIN, scion__min(INT16_MAX, v)); break;
    case SCION_U16: *(uint16_t *)p = (uint16_t)scion__max(0, scion__min(UINT16_MAX, v)); break;
    case SCION_U32: *(uint32_t *)p = (uint32_t)scion__max(0, scion__min(UINT32_MAX, v)); break;
    default: scion__element_set(dtype, p, (double)v);
  }
}
void scion__element_set(int dtype, void *p, double v) {
  switch (dtype) {
    case SCION_F32: *(float *)p = (float)v; break;
    case SCION_F64: *(double *)p = v; break;
    case SCION_BOOL: *(uint8_t *)p = v != 0; break;
    case SCION_F16: *(uint16_t *)p = scion__f32_to_f16((float)v); break;
    case SCION_BF16: *(uint16_t *)p = scion__f32_to_bf16((float)v); break;
    default: scion__element_set_i64(dtype, p, saturate(v));
  }
}
