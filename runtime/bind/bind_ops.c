/* bind_ops.c: every op of the registry as a Lua function and tensor method, from its description alone.
 *
 * Arguments: tensors in the order of the op's inputs (nil for an omitted optional one, a list for a variadic one,
 * a number where numbers are welcome), then parameters in their order, or by name in one table at the end.
 * Dimensions and positions are 1-based (negative from the end), index data too (base = 0 for 0-based data). */
#include "bind.h"
#include "bind_net.h"

#define MAX_IN 64
#define MAX_PARAMS 2048

typedef struct {
  lua_State *L;
  const scion_op *op;
  const scion_op_info *info;
  scion_context *ctx;
  bool in_place;
  int top, at; /* arguments; the next one to read */
  int dim_at;  /* x:gather(dim, ids), einsum(equation, ...): where the first parameter stood before a tensor; 0: nowhere */
  scion_tensor *few[MAX_IN], **in;
  int n_in;
} call;

static int bad_input(call *k, int slot, int index) {
  const char *got = luaL_typename(k->L, index);
  bind_box *box = bind_to_box(k->L, index);
  if (box != NULL) got = "a closed tensor";
  return luaL_error(k->L, "%s%s: %s must be a tensor%s, got %s", k->info->name, k->in_place ? "_" : "",
                    k->info->inputs[slot].name, k->info->inputs[slot].flags & SCION_SF_NUMBER ? " or a number" : "", got);
}

static bool is_options(lua_State *L, int index) { /* a table with names and no list part */
  if (!lua_istable(L, index) || lua_rawlen(L, index) > 0) return false;
  lua_pushnil(L);
  if (lua_next(L, index) == 0) return false;
  bool named = lua_type(L, -2) == LUA_TSTRING;
  lua_pop(L, 2);
  return named;
}

/* A number among the inputs becomes a 0-d tensor of the other operand's dtype. */
static void number_input(call *k, int slot, int index) {
  int dtype = -1;
  for (int i = 1; i <= k->top; i++) {
    bind_box *box = bind_to_box(k->L, i);
    if (box == NULL || box->t == NULL) continue;
    int d = scion_tensor_dtype(box->t);
    if (d == SCION_BOOL && k->info->n_inputs == 3) continue; /* where(cond, 1, 0) */
    dtype = d;
    break;
  }
  if (dtype < 0) dtype = SCION_F32;
  double v = lua_toboolean(k->L, index) && lua_isboolean(k->L, index) ? 1 : lua_tonumber(k->L, index);
  bool is_float = dtype == SCION_F32 || dtype == SCION_F64;
  if (!is_float && !lua_isboolean(k->L, index)) {
    int exact;
    lua_Integer i = lua_tointegerx(k->L, index, &exact);
    if (!exact) {
      luaL_error(k->L, "%s: the number %f does not fit an %s tensor; convert the tensor first with :to(\"f32\")", k->info->name, v,
                 scion_dtype_name((scion_dtype)dtype));
    }
    scion_tensor **box = bind_new(k->L);
    bind_try(k->L, scion_tensor_new(k->ctx, (scion_dtype)dtype, 0, NULL, box));
    bind_try(k->L, scion_tensor_set_i64(k->ctx, *box, NULL, i));
    k->in[slot] = *box;
  } else {
    scion_tensor **box = bind_new(k->L);
    bind_try(k->L, scion_tensor_scalar(k->ctx, (scion_dtype)dtype, v, box));
    k->in[slot] = *box;
  }
  lua_replace(k->L, index); /* keeps it alive */
}

static void read_list(call *k, int slot, int index) {
  lua_State *L = k->L;
  int n = (int)lua_rawlen(L, index);
  if (slot + n > MAX_IN) { /* room that Lua owns */
    k->in = lua_newuserdatauv(L, (size_t)(slot + n) * sizeof *k->in, 0);
    memcpy(k->in, k->few, (size_t)slot * sizeof *k->in);
    lua_insert(L, 1);
    k->top++;
    k->at++;
    if (k->dim_at != 0) k->dim_at++;
    index++;
  }
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, index, i + 1);
    bind_box *box = bind_to_box(L, -1);
    if (box == NULL || box->t == NULL) {
      luaL_error(L, "%s: element %d of the list must be a tensor, got %s", k->info->name, i + 1, luaL_typename(L, -1));
    }
    k->in[slot + i] = box->t;
    lua_pop(L, 1);
  }
  k->n_in = slot + n;
}

/* PyTorch writes the dimension before the ids: a number where only a tensor can be is the first parameter, when that is one. */
static bool dim_first(call *k, int slot) {
  const scion_param *p = k->info->params;
  if (slot == 0 || k->dim_at != 0 || k->info->n_params == 0 || p->type != SCION_P_INT || !(p->flags & SCION_PF_INDEX)) return false;
  k->dim_at = k->at++;
  return true;
}

/* So does einsum("ij,jk->ik", a, b): a string where the list of tensors begins is the first parameter, when that is one. */
static void string_first(call *k) {
  if (k->dim_at == 0 && k->info->n_params > 0 && k->info->params[0].type == SCION_P_STRING && k->at <= k->top && lua_type(k->L, k->at) == LUA_TSTRING) {
    k->dim_at = k->at++;
  }
}

static void read_inputs(call *k) {
  lua_State *L = k->L;
  for (int i = 0; i < k->info->n_inputs; i++) {
    const scion_slot *slot = &k->info->inputs[i];
    bind_box *box = k->at <= k->top ? bind_to_box(L, k->at) : NULL;
    if (slot->flags & SCION_SF_VARIADIC) {
      string_first(k);
      box = k->at <= k->top ? bind_to_box(L, k->at) : NULL;
      if (box == NULL && lua_istable(L, k->at) && !is_options(L, k->at)) {
        read_list(k, i, k->at);
        k->at++;
        return;
      }
      k->n_in = i;
      while (k->at <= k->top && (box = bind_to_box(L, k->at)) != NULL) {
        if (box->t == NULL || k->n_in == MAX_IN) bad_input(k, i, k->at);
        k->in[k->n_in++] = box->t;
        k->at++;
      }
      if (k->n_in == i && !(slot->flags & SCION_SF_OPTIONAL)) {
        luaL_error(L, "%s: %s must be a list of tensors, got %s", k->info->name, slot->name, luaL_typename(L, k->at));
      }
      return;
    }
    k->n_in = i + 1;
    k->in[i] = NULL;
    if (box == NULL && k->at <= k->top && lua_type(L, k->at) == LUA_TNUMBER && !(slot->flags & (SCION_SF_NUMBER | SCION_SF_OPTIONAL)) && dim_first(k, i)) {
      box = k->at <= k->top ? bind_to_box(L, k->at) : NULL;
    }
    int type = k->at <= k->top ? lua_type(L, k->at) : LUA_TNONE;
    if (box != NULL && box->t != NULL) {
      k->in[i] = box->t;
      k->at++;
    } else if ((slot->flags & SCION_SF_NUMBER) && (type == LUA_TNUMBER || type == LUA_TBOOLEAN)) {
      number_input(k, i, k->at++);
    } else if (slot->flags & SCION_SF_OPTIONAL) { /* what is neither a tensor nor a parameter's kind of value was meant to be one */
      if (type == LUA_TNIL) k->at++;
      else if (type == LUA_TUSERDATA || type == LUA_TFUNCTION || type == LUA_TTHREAD) bad_input(k, i, k->at);
    } else if (type == LUA_TNONE || type == LUA_TNIL) {
      luaL_error(L, "%s: %s is missing", k->info->name, slot->name);
    } else {
      bad_input(k, i, k->at);
    }
  }
}

/* ---- parameters ----------------------------------------------------------------------------------------- */

static int64_t zero_based(call *k, const scion_param *p, int64_t v) {
  if (!(p->flags & SCION_PF_INDEX) || v == SCION_NONE) return v;
  if (v == 0) luaL_error(k->L, "%s: %s is 0; dimensions and positions start at 1, negative ones count from the end", k->info->name, p->name);
  return v > 0 ? v - 1 : v;
}

static void set_param(call *k, int index, int at, void *params) {
  lua_State *L = k->L;
  const scion_param *p = &k->info->params[index];
  scion_value v = { .type = SCION_V_BOOL };
  int64_t ints[SCION_MAX_INTS];
  int exact;
  switch (lua_type(L, at)) {
    case LUA_TNIL: case LUA_TNONE: return;
    case LUA_TBOOLEAN: v.i = lua_toboolean(L, at); break;
    case LUA_TNUMBER:
      v.i = lua_tointegerx(L, at, &exact);
      v.type = exact && p->type != SCION_P_FLOAT ? SCION_V_INT : SCION_V_FLOAT; /* -0.0 keeps its sign */
      v.f = lua_tonumber(L, at);
      if (exact && (p->type == SCION_P_INT || p->type == SCION_P_INTS)) v.i = zero_based(k, p, v.i);
      break;
    case LUA_TSTRING: v.type = SCION_V_STRING, v.s = lua_tostring(L, at); break;
    case LUA_TUSERDATA: { /* x:to(y): y's dtype */
      bind_box *box = p->type == SCION_P_DTYPE ? bind_to_box(L, at) : NULL;
      if (box == NULL || box->t == NULL) luaL_error(L, "%s: %s must not be a %s", k->info->name, p->name, luaL_typename(L, at));
      v.type = SCION_V_STRING, v.s = scion_dtype_name(scion_tensor_dtype(box->t));
      break;
    }
    case LUA_TTABLE: {
      char who[96];
      lua_pushfstring(L, "%s: %s", k->info->name, p->name);
      strncpy(who, lua_tostring(L, -1), sizeof who - 1);
      who[sizeof who - 1] = '\0';
      lua_pop(L, 1);
      v.type = SCION_V_INTS;
      v.n_ints = bind_ints(L, at, who, ints, SCION_MAX_INTS);
      for (int i = 0; i < v.n_ints; i++) ints[i] = zero_based(k, p, ints[i]);
      v.ints = ints;
      break;
    }
    default: luaL_error(L, "%s: %s must not be a %s", k->info->name, p->name, luaL_typename(L, at));
  }
  bind_try(L, scion_params_set(k->ctx, k->op, params, index, &v));
}

static bool user_param(const scion_param *p) { return !(p->flags & (SCION_PF_INTERNAL | SCION_PF_BASE)); }

static void set_base(call *k, void *params) { /* index data in Lua is 1-based */
  for (int i = 0; i < k->info->n_params; i++) {
    if (k->info->params[i].flags & SCION_PF_BASE) *(int64_t *)(void *)((char *)params + k->info->params[i].offset) = 1;
  }
}

static int unknown_option(call *k, const char *name) {
  luaL_Buffer b;
  luaL_buffinit(k->L, &b);
  for (int i = 0; i < k->info->n_params; i++) {
    if (k->info->params[i].flags & SCION_PF_INTERNAL) continue;
    luaL_addstring(&b, k->info->params[i].name);
    luaL_addstring(&b, ", ");
  }
  for (int i = 0; i < k->info->n_inputs; i++) {
    if (!(k->info->inputs[i].flags & SCION_SF_OPTIONAL)) continue;
    luaL_addstring(&b, k->info->inputs[i].name);
    luaL_addstring(&b, ", ");
  }
  if (luaL_bufflen(&b) >= 2) luaL_buffsub(&b, 2);
  luaL_pushresult(&b);
  return luaL_error(k->L, "%s: unknown option '%s' (known: %s)", k->info->name, name, lua_tostring(k->L, -1));
}

/* An empty table at the end is options without any, unless the parameter in its place is a list. */
static bool is_empty_options(const call *k) {
  if (!lua_istable(k->L, k->top) || lua_rawlen(k->L, k->top) > 0) return false;
  int at = k->at;
  for (int i = k->dim_at != 0; i < k->info->n_params; i++) {
    if (user_param(&k->info->params[i]) && at++ == k->top) return k->info->params[i].type != SCION_P_INTS;
  }
  return true;
}

static void read_params(call *k, void *params, bool *seen, bool *wants_grad) {
  lua_State *L = k->L;
  int options = k->top >= k->at && (is_options(L, k->top) || is_empty_options(k)) ? k->top : 0;
  int last = options ? k->top - 1 : k->top;
  if (k->dim_at != 0) {
    set_param(k, 0, k->dim_at, params);
    seen[0] = true;
  }
  for (int i = k->dim_at != 0; i < k->info->n_params && k->at <= last; i++) {
    const scion_param *p = &k->info->params[i];
    if (!user_param(p)) continue;
    seen[i] = !lua_isnil(L, k->at);
    int type = lua_type(L, k->at), more = 0;
    if ((p->flags & SCION_PF_VARARGS) && type == LUA_TNUMBER) { /* reshape(2, 3) */
      scion_value v = { .type = SCION_V_INTS };
      int64_t ints[SCION_MAX_INTS];
      int exact = 1;
      for (; k->at + more <= last && lua_type(L, k->at + more) == LUA_TNUMBER; more++) {
        int64_t one = lua_tointegerx(L, k->at + more, &exact);
        if (!exact) luaL_error(L, "%s: %s: value %d of the list is %s, expected an integer", k->info->name, p->name, more + 1, luaL_tolstring(L, k->at + more, NULL));
        if (more < SCION_MAX_INTS) ints[more] = zero_based(k, p, one);
      }
      if (more > SCION_MAX_INTS) luaL_error(L, "%s: %s: %d values given, at most %d are possible", k->info->name, p->name, more, SCION_MAX_INTS);
      v.n_ints = more;
      v.ints = ints;
      bind_try(L, scion_params_set(k->ctx, k->op, params, i, &v));
      k->at += more;
      continue;
    }
    set_param(k, i, k->at++, params);
  }
  if (k->at <= last) {
    luaL_error(L, "%s: too many arguments (argument %d is %s)", k->info->name, k->at, luaL_typename(L, k->at));
  }
  if (!options) return;
  lua_pushnil(L);
  while (lua_next(L, options) != 0) {
    if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "%s: options must have names", k->info->name);
    const char *name = lua_tostring(L, -2);
    int i = 0, s = 0;
    while (i < k->info->n_params && (strcmp(k->info->params[i].name, name) != 0 || (k->info->params[i].flags & SCION_PF_INTERNAL))) i++;
    while (s < k->info->n_inputs && (strcmp(k->info->inputs[s].name, name) != 0 || !(k->info->inputs[s].flags & SCION_SF_OPTIONAL))) s++;
    if (i < k->info->n_params) {
      set_param(k, i, lua_gettop(L), params);
      seen[i] = true;
    } else if (s < k->info->n_inputs) {
      bind_box *box = bind_to_box(L, -1);
      if (box == NULL || box->t == NULL) luaL_error(L, "%s: %s must be a tensor, got %s", k->info->name, name, luaL_typename(L, -1));
      for (; k->n_in <= s; k->n_in++) k->in[k->n_in] = NULL;
      k->in[s] = box->t; /* the options table keeps it alive */
    } else if (k->info->n_inputs == 0 && strcmp(name, "requires_grad") == 0) {
      *wants_grad = lua_toboolean(L, -1);
    } else {
      unknown_option(k, name);
    }
    lua_pop(L, 1);
  }
}

/* Parameters from a table alone: what layers of a net are made with. */
void bind_params(lua_State *L, const scion_op *op, int table, const void *from, void *params) {
  call k = { .L = L, .op = op, .info = scion_op_get_info(op), .ctx = bind_ctx(L) };
  bool seen[32] = { false };
  if (k.info->params_size > MAX_PARAMS) luaL_error(L, "%s: has too many parameters", k.info->name);
  if (from != NULL) {
    memcpy(params, from, k.info->params_size);
  } else {
    scion_params_init(op, params);
    set_base(&k, params);
  }
  if (table != 0) {
    table = lua_absindex(L, table);
    luaL_checktype(L, table, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, table) != 0) {
      if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "%s: parameters must have names", k.info->name);
      int i = 0;
      while (i < k.info->n_params && strcmp(k.info->params[i].name, lua_tostring(L, -2)) != 0) i++;
      if (i == k.info->n_params) unknown_option(&k, lua_tostring(L, -2));
      set_param(&k, i, lua_gettop(L), params);
      seen[i] = true;
      lua_pop(L, 1);
    }
  }
  for (int i = 0; i < k.info->n_params && from == NULL; i++) {
    if ((k.info->params[i].flags & SCION_PF_REQUIRED) && !seen[i]) luaL_error(L, "%s: %s is missing", k.info->name, k.info->params[i].name);
  }
}

/* The way back: a table with the parameters as users spell them (1-based dimensions). */
void bind_push_params(lua_State *L, const scion_op *op, const void *params) {
  const scion_op_info *info = scion_op_get_info(op);
  lua_createtable(L, 0, info->n_params);
  for (int i = 0; i < info->n_params; i++) {
    const scion_param *p = &info->params[i];
    const void *at = (const char *)params + p->offset;
    int64_t shift = p->flags & SCION_PF_INDEX ? 1 : 0;
    if (p->flags & (SCION_PF_TRAINING | SCION_PF_INTERNAL)) continue;
    switch (p->type) {
      case SCION_P_BOOL: lua_pushboolean(L, *(const int32_t *)at); break;
      case SCION_P_INT: {
        int64_t v = *(const int64_t *)at;
        if (v == SCION_NONE) continue;
        lua_pushinteger(L, v >= 0 && v < INT64_MAX ? v + shift : v);
        break;
      }
      case SCION_P_FLOAT: lua_pushnumber(L, *(const double *)at); break;
      case SCION_P_INTS: {
        scion_ints ints = *(const scion_ints *)at;
        if (ints.n < 0) continue;
        for (int k = 0; k < ints.n; k++)
          if (ints.v[k] >= 0) ints.v[k] += shift;
        bind_push_list(L, ints.n, ints.v);
        break;
      }
      case SCION_P_ENUM: lua_pushstring(L, p->choices[*(const int32_t *)at]); break;
      case SCION_P_DTYPE:
        if (*(const int32_t *)at < 0) continue;
        lua_pushstring(L, scion_dtype_name((scion_dtype) * (const int32_t *)at));
        break;
      case SCION_P_STRING: lua_pushstring(L, ((const scion_string *)at)->v); break;
    }
    lua_setfield(L, -2, p->name);
  }
}

/* ---- the call --------------------------------------------------------------------------------------------- */

/* PyTorch's x:add(y, { alpha = -lr }): add and sub have no parameters, so that they cost little; b is scaled first. */
static bool scale_operand(call *k) {
  lua_State *L = k->L;
  if (k->at != k->top || k->n_in != 2 || !is_options(L, k->top) || (strcmp(k->info->name, "add") != 0 && strcmp(k->info->name, "sub") != 0)) return false;
  lua_pushnil(L);
  lua_next(L, k->top);
  bool alone = strcmp(lua_tostring(L, -2), "alpha") == 0 && lua_type(L, -1) == LUA_TNUMBER;
  double alpha = lua_tonumber(L, -1);
  lua_pop(L, 1);
  if (lua_next(L, k->top) != 0) {
    alone = false;
    lua_pop(L, 2);
  }
  if (!alone) return false;
  int dtype = scion_tensor_dtype(k->in[1]);
  if (dtype != SCION_F32 && dtype != SCION_F64 && alpha != (double)(int64_t)alpha) {
    luaL_error(L, "%s: alpha is %f, which does not fit an %s tensor", k->info->name, alpha, scion_dtype_name((scion_dtype)dtype));
  }
  scion_tensor **factor = bind_new(L);
  bind_try(L, scion_tensor_scalar(k->ctx, (scion_dtype)dtype, alpha, factor));
  bind_apply(L, scion_op_find("mul"), (scion_tensor *[]){ k->in[1], *factor }, 2, NULL);
  k->in[1] = bind_check(L, -1);
  return true;
}

static int run(lua_State *L, bool in_place) {
  call k; /* not cleared: `few` is large, and every field is set */
  k.L = L;
  k.in_place = in_place;
  k.at = 1;
  k.n_in = 0;
  k.dim_at = 0;
  bind_state *s = lua_touserdata(L, lua_upvalueindex(2));
  k.op = lua_touserdata(L, lua_upvalueindex(1));
  k.info = scion_op_get_info(k.op);
  k.ctx = s->ctx;
  k.in = k.few;
  k.top = lua_gettop(L);
  luaL_checkstack(L, 16, NULL);
  _Alignas(16) char params[MAX_PARAMS];
  bool seen[32], wants_grad = false;
  read_inputs(&k);
  void *used = NULL;
  if (k.info->n_params > 0) {
    used = params;
    memset(seen, 0, sizeof seen);
    scion_params_init(k.op, params);
    set_base(&k, params);
    read_params(&k, params, seen, &wants_grad);
    for (int i = 0; i < k.info->n_params; i++) {
      if ((k.info->params[i].flags & SCION_PF_REQUIRED) && !seen[i]) {
        return luaL_error(L, "%s: %s is missing", k.info->name, k.info->params[i].name);
      }
    }
  } else if (k.at <= k.top && !scale_operand(&k)) {
    read_params(&k, params, seen, &wants_grad);
  }
  bind_charge_state(L, s);
  if (in_place) {
    scion_status st = scion_apply_inplace(k.ctx, k.op, k.in, k.n_in, used);
    if (st != SCION_OK) return bind_raise(L, st);
    lua_settop(L, k.in == k.few ? 1 : 2);
    return 1;
  }
  int n_out = k.info->n_visible;
  scion_tensor *out[SCION_MAX_OUTPUTS];
  bind_box *boxes[SCION_MAX_OUTPUTS];
  for (int i = 0; i < n_out; i++) boxes[i] = bind_new_in(L, s, lua_upvalueindex(3));
  scion_status st = scion_apply(k.ctx, k.op, k.in, k.n_in, used, out, n_out);
  if (st == SCION_ENOMEM) { /* once more without the garbage */
    lua_gc(L, LUA_GCCOLLECT);
    st = scion_apply(k.ctx, k.op, k.in, k.n_in, used, out, n_out);
  }
  if (st != SCION_OK) return bind_raise(L, st);
  int top = lua_gettop(L) - n_out;
  for (int i = 0; i < n_out; i++) {
    boxes[i]->t = out[i];
    if (out[i] != NULL) continue; /* not produced in this mode */
    lua_pushnil(L);
    lua_replace(L, top + 1 + i);
  }
  if (wants_grad) bind_try(L, scion_set_requires_grad(k.ctx, out[0], 1));
  return n_out;
}
/* Symbolic values (nn.input, scion.trace) among the arguments or in a list of them: the handler in their metatable builds a graph. Leaves it
 * on the stack. */
static bool symbolic(lua_State *L) {
  int top = lua_gettop(L);
  for (int i = 1; i <= top && i <= 6; i++) {
    if (lua_type(L, i) != LUA_TTABLE) continue;
    if (luaL_getmetafield(L, i, "__symbolic") != LUA_TNIL) return true;
    for (int k = 1; k <= 8 && lua_rawgeti(L, i, k) == LUA_TTABLE; k++) {
      if (luaL_getmetafield(L, -1, "__symbolic") != LUA_TNIL) {
        lua_remove(L, -2);
        return true;
      }
      lua_pop(L, 1);
    }
    lua_settop(L, top);
  }
  return false;
}
/* Two tensors, or a floating-point one and a number, and nothing else, for an op that has no parameters: the way of most arithmetic, so
 * it is a short one; the number gets no box that a collector would have to see. */
static bool two_operands(lua_State *L) {
  if (lua_gettop(L) != 2) return false;
  const scion_op *op = lua_touserdata(L, lua_upvalueindex(1));
  const scion_op_info *info = scion_op_get_info(op);
  if (info->n_inputs != 2 || info->n_params != 0 || info->n_visible != 1 || (info->inputs[1].flags & SCION_SF_VARIADIC)) return false;
  bind_state *s = lua_touserdata(L, lua_upvalueindex(2));
  scion_tensor *in[2] = { NULL, NULL }, *number = NULL;
  int other = -1;
  for (int i = 0; i < 2; i++) {
    bind_box *box = bind_to_box(L, i + 1);
    if (box != NULL) in[i] = box->t;
    else if (lua_type(L, i + 1) == LUA_TNUMBER && (info->inputs[i].flags & SCION_SF_NUMBER)) other = i;
    if (in[i] == NULL && other != i) return false;
  }
  scion_dtype dtype = SCION_F32;
  if (other >= 0) {
    if (in[1 - other] == NULL) return false;
    dtype = scion_tensor_dtype(in[1 - other]);
    if (dtype != SCION_F32 && dtype != SCION_F64) return false;
  }
  bind_charge_state(L, s);
  bind_box *box = bind_new_in(L, s, lua_upvalueindex(3));
  if (other >= 0) {
    bind_try(L, scion_tensor_scalar(s->ctx, dtype, lua_tonumber(L, other + 1), &number));
    in[other] = number;
  }
  scion_status st = scion_apply(s->ctx, op, in, 2, NULL, &box->t, 1);
  if (st == SCION_ENOMEM) { /* once more without the garbage */
    lua_gc(L, LUA_GCCOLLECT);
    st = scion_apply(s->ctx, op, in, 2, NULL, &box->t, 1);
  }
  scion_tensor_free(s->ctx, number);
  if (st != SCION_OK) bind_raise(L, st);
  return true;
}
static int op_call(lua_State *L) {
  if (two_operands(L)) return 1;
  if (symbolic(L)) {
    int n = lua_gettop(L) - 1;
    lua_insert(L, 1);
    const scion_op *op = lua_touserdata(L, lua_upvalueindex(1));
    lua_pushstring(L, scion_op_get_info(op)->name);
    lua_insert(L, 2);
    lua_call(L, n + 1, LUA_MULTRET);
    return lua_gettop(L);
  }
  return run(L, false);
}
static int op_inplace(lua_State *L) { return run(L, true); }

/* Fresh closure of an op: op, state, metatable of boxes. */
static void push_op(lua_State *L, const scion_op *op, bool in_place) {
  lua_pushlightuserdata(L, (void *)(uintptr_t)op);
  lua_pushlightuserdata(L, bind_get(L));
  luaL_getmetatable(L, "scion.Tensor");
  lua_pushcclosure(L, in_place ? op_inplace : op_call, 3);
}

/* ---- the registry as data: for help, annotations, checks ---------------------------------------------------- */

static void set_string(lua_State *L, const char *key, const char *value) {
  lua_pushstring(L, value != NULL ? value : "");
  lua_setfield(L, -2, key);
}
static void set_bool(lua_State *L, const char *key, bool value) {
  lua_pushboolean(L, value);
  lua_setfield(L, -2, key);
}
static void push_slots(lua_State *L, const scion_slot *slots, int n) {
  lua_createtable(L, n, 0);
  for (int i = 0; i < n; i++) {
    lua_createtable(L, 0, 6);
    set_string(L, "name", slots[i].name);
    set_string(L, "doc", slots[i].doc);
    set_bool(L, "optional", slots[i].flags & SCION_SF_OPTIONAL);
    set_bool(L, "variadic", slots[i].flags & SCION_SF_VARIADIC);
    set_bool(L, "number", slots[i].flags & SCION_SF_NUMBER);
    set_bool(L, "buffer", slots[i].flags & SCION_SF_BUFFER);
    lua_rawseti(L, -2, i + 1);
  }
}
static void push_default(lua_State *L, const scion_param *p) {
  switch (p->type) {
    case SCION_P_BOOL: lua_pushboolean(L, p->def != 0); break;
    case SCION_P_INT:
      if (p->def <= (double)INT64_MIN || p->def >= 9.2e18) lua_pushnil(L);
      else lua_pushinteger(L, (lua_Integer)p->def);
      break;
    case SCION_P_FLOAT: lua_pushnumber(L, p->def); break;
    case SCION_P_INTS:
      if (p->def_ints.n < 0) lua_pushnil(L);
      else bind_push_list(L, p->def_ints.n, p->def_ints.v);
      break;
    case SCION_P_ENUM: lua_pushstring(L, p->choices[(int)p->def]); break;
    case SCION_P_DTYPE:
      if (p->def < 0) lua_pushnil(L);
      else lua_pushstring(L, scion_dtype_name((scion_dtype)(int)p->def));
      break;
    default: lua_pushnil(L);
  }
}
/* op_info(name) -> { name, doc, version, inputs, outputs, params, view, inplace, ... }, nil when unknown */
static int m_op_info(lua_State *L) {
  static const char *const types[] = { "boolean", "integer", "number", "integers", "choice", "dtype", "string" };
  const scion_op *op = scion_op_find(luaL_checkstring(L, 1));
  if (op == NULL) return 0;
  const scion_op_info *info = scion_op_get_info(op);
  lua_createtable(L, 0, 16);
  set_string(L, "name", info->name);
  set_string(L, "doc", info->doc);
  lua_pushinteger(L, info->version);
  lua_setfield(L, -2, "version");
  const struct { const char *name; uint32_t flag; } flags[] = {
    { "view", SCION_OF_VIEW }, { "inplace", SCION_OF_INPLACE }, { "random", SCION_OF_RANDOM }, { "training", SCION_OF_TRAINING },
    { "dynamic", SCION_OF_DYNAMIC }, { "no_grad", SCION_OF_NO_GRAD }, { "internal", SCION_OF_INTERNAL }, { "is_function", SCION_OF_FUNCTION } };
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) set_bool(L, flags[i].name, info->flags & flags[i].flag);
  push_slots(L, info->inputs, info->n_inputs);
  lua_setfield(L, -2, "inputs");
  push_slots(L, info->outputs, info->n_visible);
  lua_setfield(L, -2, "outputs");
  lua_createtable(L, info->n_params, 0);
  for (int i = 0, n = 0; i < info->n_params; i++) {
    const scion_param *p = &info->params[i];
    if (p->flags & SCION_PF_INTERNAL) continue;
    lua_createtable(L, 0, 8);
    set_string(L, "name", p->name);
    set_string(L, "type", types[p->type]);
    set_string(L, "doc", p->doc);
    set_bool(L, "required", p->flags & SCION_PF_REQUIRED);
    set_bool(L, "index", p->flags & SCION_PF_INDEX);
    set_bool(L, "base", p->flags & SCION_PF_BASE);
    set_bool(L, "varargs", p->flags & SCION_PF_VARARGS);
    push_default(L, p);
    lua_setfield(L, -2, "default");
    if (p->choices != NULL) {
      lua_newtable(L);
      for (int c = 0; p->choices[c] != NULL; c++) {
        lua_pushstring(L, p->choices[c]);
        lua_rawseti(L, -2, c + 1);
      }
      lua_setfield(L, -2, "choices");
    }
    lua_rawseti(L, -2, ++n);
  }
  lua_setfield(L, -2, "params");
  return 1;
}
static int m_op_names(lua_State *L) {
  lua_createtable(L, scion_op_count(), 0);
  for (int i = 0; i < scion_op_count(); i++) {
    lua_pushstring(L, scion_op_get_info(scion_op_at(i))->name);
    lua_rawseti(L, -2, i + 1);
  }
  bind_list_meta(L);
  return 1;
}

/* For the checks of the registry: op_sample(name, i) -> function (inputs, how many, in place) that applies the op with the
 * sample's parameters, inputs, differentiable flags, those parameters by name; nil past the last sample. */
typedef struct { const scion_op *op; char params[MAX_PARAMS]; } sample_call;
static int sample_apply(lua_State *L) {
  sample_call *c = lua_touserdata(L, lua_upvalueindex(1));
  const scion_op_info *info = scion_op_get_info(c->op);
  scion_tensor *in[MAX_IN] = { NULL }, *out[SCION_MAX_OUTPUTS];
  int n = (int)luaL_checkinteger(L, 2);
  luaL_argcheck(L, n <= MAX_IN, 2, "too many inputs");
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, 1, i + 1);
    in[i] = lua_isboolean(L, -1) ? NULL : bind_check(L, -1); /* false: omitted */
    lua_pop(L, 1);
  }
  const void *params = info->params_size > 0 ? c->params : NULL;
  if (lua_toboolean(L, 3)) { /* in place */
    bind_try(L, scion_apply_inplace(bind_ctx(L), c->op, in, n, params));
    lua_rawgeti(L, 1, 1);
    return 1;
  }
  bind_try(L, scion_apply(bind_ctx(L), c->op, in, n, params, out, info->n_visible));
  for (int i = 0; i < info->n_visible; i++) {
    if (out[i] == NULL) lua_pushboolean(L, 0);
    else scion_lua_take(L, out[i]);
  }
  return info->n_visible;
}
static int m_op_sample(lua_State *L) {
  const scion_op *op = scion_op_find(luaL_checkstring(L, 1));
  luaL_argcheck(L, op != NULL, 1, "no such op");
  scion_context *ctx = bind_ctx(L);
  scion_tensor *in[MAX_IN];
  int32_t n = MAX_IN, differentiable[MAX_IN];
  sample_call *c = lua_newuserdatauv(L, sizeof *c, 0);
  c->op = op;
  scion_status st = scion_op_sample(ctx, op, (int32_t)luaL_checkinteger(L, 2) - 1, in, &n, differentiable, c->params);
  if (st == SCION_EINDEX) return 0;
  bind_try(L, st);
  lua_pushcclosure(L, sample_apply, 1);
  lua_createtable(L, n, 0);
  lua_createtable(L, n, 0);
  for (int i = 0; i < n; i++) {
    if (in[i] == NULL) lua_pushboolean(L, 0);
    else scion_lua_take(L, in[i]);
    lua_rawseti(L, -3, i + 1);
    lua_pushboolean(L, differentiable[i]);
    lua_rawseti(L, -2, i + 1);
  }
  bind_push_params(L, op, c->params);
  return 4;
}

/* ---- opening -------------------------------------------------------------------------------------------------- */

static const struct { const char *event, *op; } metamethods[] = {
  { "__add", "add" }, { "__sub", "sub" }, { "__mul", "mul" }, { "__div", "div" }, { "__mod", "remainder" }, { "__pow", "pow" },
  { "__unm", "neg" }, { "__idiv", "floor_divide" }, { "__band", "bitwise_and" }, { "__bor", "bitwise_or" },
  { "__bxor", "bitwise_xor" }, { "__bnot", "bitwise_not" } };

void bind_open_ops(lua_State *L) {
  int module = lua_gettop(L);
  luaL_getmetatable(L, "scion.Tensor");
  int meta = lua_gettop(L);
  lua_getfield(L, meta, "methods");
  int methods = lua_gettop(L);
  for (int i = 0; i < scion_op_count(); i++) {
    const scion_op *op = scion_op_at(i);
    const scion_op_info *info = scion_op_get_info(op);
    bool method = !(info->flags & (SCION_OF_INTERNAL | SCION_OF_FUNCTION)) && info->n_inputs > 0;
    push_op(L, op, false);
    if (method) {
      lua_pushvalue(L, -1);
      lua_setfield(L, methods, info->name);
    }
    lua_setfield(L, module, info->name);
    if (!(info->flags & SCION_OF_INPLACE)) continue;
    lua_pushfstring(L, "%s_", info->name);
    push_op(L, op, true);
    lua_settable(L, methods);
  }
  for (size_t i = 0; i < sizeof metamethods / sizeof *metamethods; i++) {
    const scion_op *op = scion_op_find(metamethods[i].op);
    if (op == NULL) continue;
    push_op(L, op, false);
    if (strcmp(metamethods[i].event, "__unm") == 0 || strcmp(metamethods[i].event, "__bnot") == 0) {
      lua_pop(L, 1); /* Lua passes the operand twice: see bind_tensor.c */
      continue;
    }
    lua_setfield(L, meta, metamethods[i].event);
  }
  lua_settop(L, module);
  lua_pushcfunction(L, m_op_info);
  lua_setfield(L, module, "op_info");
  lua_pushcfunction(L, m_op_names);
  lua_setfield(L, module, "op_names");
  lua_pushcfunction(L, m_op_sample);
  lua_setfield(L, module, "op_sample");
}
