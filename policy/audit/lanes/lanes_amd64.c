//go:build cgo

// The compression function of SM3 (GB/T 32905-2016, section 5.3) on eight messages at a
// time: word i of a vector belongs to message i. The names are those of the standard.

#include <stdint.h>
#include <string.h>

typedef uint32_t words __attribute__((vector_size(32)));
typedef uint8_t bytes __attribute__((vector_size(32)));

#define WIDE static inline __attribute__((target("avx2"), always_inline))
#define ROL(x, n) ((x) << (n) | (x) >> (32 - (n)))
#define P0(x) ((x) ^ turned((x) ^ by8(x), 9))   // x ^ ROL(x, 9) ^ ROL(x, 17)
#define P1(x) ((x) ^ turned((x) ^ by8(x), 15))  // x ^ ROL(x, 15) ^ ROL(x, 23)
#ifdef __clang__
#define PICK(type, x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#define PICK(type, x, y, ...) __builtin_shuffle(x, y, (type){__VA_ARGS__})
#endif

int qunxiang_sm3_wide(void) { return __builtin_cpu_supports("avx2") != 0; }

WIDE words turned(words x, int n) { return ROL(x, n); }

// by8 turns every word left by 8 bits, in one step.
WIDE words by8(words x) {
  bytes b = (bytes)x;
  return (words)PICK(bytes, b, b, 3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14,
                     19, 16, 17, 18, 23, 20, 21, 22, 27, 24, 25, 26, 31, 28, 29, 30);
}

// load reads eight big-endian words of one message.
WIDE words load(const uint8_t *p) {
  bytes b;
  memcpy(&b, p, sizeof b);
  return (words)PICK(bytes, b, b, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12,
                     19, 18, 17, 16, 23, 22, 21, 20, 27, 26, 25, 24, 31, 30, 29, 28);
}

// gather reads eight words of every message and puts those of one place together.
WIDE void gather(words *w, const uint8_t *buf, const int64_t *at) {
  words m[8], pairs[8], fours[8];
  for (int i = 0; i < 8; i++) m[i] = load(buf + at[i]);
  for (int i = 0; i < 4; i++) {
    pairs[2 * i] = PICK(words, m[2 * i], m[2 * i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    pairs[2 * i + 1] = PICK(words, m[2 * i], m[2 * i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int i = 0; i < 4; i++) {
    words x = pairs[i / 2 * 4 + i % 2], y = pairs[i / 2 * 4 + i % 2 + 2];
    fours[i / 2 * 4 + i % 2 * 2] = PICK(words, x, y, 0, 1, 8, 9, 4, 5, 12, 13);
    fours[i / 2 * 4 + i % 2 * 2 + 1] = PICK(words, x, y, 2, 3, 10, 11, 6, 7, 14, 15);
  }
  for (int i = 0; i < 4; i++) {
    w[i] = PICK(words, fours[i], fours[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    w[i + 4] = PICK(words, fours[i], fours[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

// constants are T of step j, turned left by j bits.
static const uint32_t constants[64] = {
    0x79cc4519, 0xf3988a32, 0xe7311465, 0xce6228cb, 0x9cc45197, 0x3988a32f, 0x7311465e, 0xe6228cbc,
    0xcc451979, 0x988a32f3, 0x311465e7, 0x6228cbce, 0xc451979c, 0x88a32f39, 0x11465e73, 0x228cbce6,
    0x9d8a7a87, 0x3b14f50f, 0x7629ea1e, 0xec53d43c, 0xd8a7a879, 0xb14f50f3, 0x629ea1e7, 0xc53d43ce,
    0x8a7a879d, 0x14f50f3b, 0x29ea1e76, 0x53d43cec, 0xa7a879d8, 0x4f50f3b1, 0x9ea1e762, 0x3d43cec5,
    0x7a879d8a, 0xf50f3b14, 0xea1e7629, 0xd43cec53, 0xa879d8a7, 0x50f3b14f, 0xa1e7629e, 0x43cec53d,
    0x879d8a7a, 0x0f3b14f5, 0x1e7629ea, 0x3cec53d4, 0x79d8a7a8, 0xf3b14f50, 0xe7629ea1, 0xcec53d43,
    0x9d8a7a87, 0x3b14f50f, 0x7629ea1e, 0xec53d43c, 0xd8a7a879, 0xb14f50f3, 0x629ea1e7, 0xc53d43ce,
    0x8a7a879d, 0x14f50f3b, 0x29ea1e76, 0x53d43cec, 0xa7a879d8, 0x4f50f3b1, 0x9ea1e762, 0x3d43cec5,
};

#define STEP(FF, GG)                                                  \
  do {                                                                \
    words a12 = ROL(a, 12);                                           \
    words ss1 = a12 + e + constants[j];                               \
    ss1 = ROL(ss1, 7);                                                \
    words tt1 = (FF) + d + (ss1 ^ a12) + (w[j] ^ w[j + 4]);           \
    words tt2 = (GG) + h + ss1 + w[j];                                \
    d = c; c = ROL(b, 9); b = a; a = tt1;                             \
    h = g; g = ROL(f, 19); f = e; e = P0(tt2);                        \
  } while (0)

__attribute__((target("avx2")))
void qunxiang_sm3_lanes(uint32_t *state, const uint8_t *buf, const int64_t *at, int64_t blocks) {
  words s[8];
  memcpy(s, state, sizeof s);
  for (; blocks > 0; blocks--, buf += 64) {
    words w[68];
    gather(w, buf, at);
    gather(w + 8, buf + 32, at);
#pragma GCC unroll 4
    for (int j = 16; j < 68; j++) {
      words x = w[j - 16] ^ w[j - 9] ^ ROL(w[j - 3], 15);
      w[j] = P1(x) ^ ROL(w[j - 13], 7) ^ w[j - 6];
    }
    words a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
#pragma GCC unroll 4
    for (int j = 0; j < 16; j++) STEP(a ^ b ^ c, e ^ f ^ g);
#pragma GCC unroll 4
    for (int j = 16; j < 64; j++) STEP((a & b) | (c & (a | b)), g ^ (e & (f ^ g)));
    s[0] ^= a; s[1] ^= b; s[2] ^= c; s[3] ^= d; s[4] ^= e; s[5] ^= f; s[6] ^= g; s[7] ^= h;
  }
  memcpy(state, s, sizeof s);
}
