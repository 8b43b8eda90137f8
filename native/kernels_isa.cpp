// Compiled once for every instruction set, with ISA naming it. Nothing of the standard library may be used here: a
// template compiled for one processor could be linked into code for another.
#include "kernels.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace allmodes {
namespace ISA {

#if defined(__AVX512F__)
constexpr int WIDTH = 16;
#elif defined(__AVX2__)
constexpr int WIDTH = 8;
#else
constexpr int WIDTH = 4;
#endif
constexpr int VECTORS = BLOCK / WIDTH;  // of a block's row
constexpr int GROUP = 12 / VECTORS;     // rows that leave registers for the block
constexpr int WIDE = 8 / VECTORS;       // blocks that hide the latency for a single row

typedef float vec __attribute__((vector_size(4 * WIDTH)));
typedef int32_t mask __attribute__((vector_size(4 * WIDTH)));
typedef float loose __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));

inline vec load(const float* p) { return *reinterpret_cast<const loose*>(p); }
inline void store(float* p, vec v) { *reinterpret_cast<loose*>(p) = v; }
inline vec splat(float x) { return x - vec{}; }

inline vec absolute(vec x) {
    mask bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    bits &= 0x7fffffff;
    __builtin_memcpy(&x, &bits, sizeof bits);
    return x;
}

// The larger; b where either is NaN.
inline vec larger(vec a, vec b) {
#if defined(__AVX512F__)
    return _mm512_max_ps(a, b);
#elif defined(__AVX2__)
    return _mm256_max_ps(a, b);
#else
    return a > b ? a : b;
#endif
}

// Bit i is set where lane i is below the threshold. NaN is below nothing.
inline uint32_t below(const vec (&values)[VECTORS], float threshold) {
    uint32_t bits = 0;
    for (int v = 0; v < VECTORS; ++v) {
#if defined(__AVX512F__)
        bits |= _mm512_cmp_ps_mask(values[v], splat(threshold), _CMP_LT_OQ);
#elif defined(__AVX2__)
        const __m256 lower = _mm256_cmp_ps(values[v], splat(threshold), _CMP_LT_OQ);
        bits |= static_cast<uint32_t>(_mm256_movemask_ps(lower)) << (v * WIDTH);
#else
        for (int i = 0; i < WIDTH; ++i) bits |= static_cast<uint32_t>(values[v][i] < threshold) << (v * WIDTH + i);
#endif
    }
    return bits;
}

// acc[b][g] += sum over the depth of block b's row times rows[g].
template <int B, int G>
inline void multiply(const float* blocks, int64_t stride, int64_t depth, const float* rows, int64_t pitch,
                     vec (&acc)[B][G][VECTORS]) {
    for (int64_t k = 0; k < depth; ++k)
        for (int b = 0; b < B; ++b) {
            vec columns[VECTORS];
            for (int v = 0; v < VECTORS; ++v) columns[v] = load(blocks + b * stride + k * BLOCK + v * WIDTH);
            for (int g = 0; g < G; ++g) {
                const vec row = splat(rows[g * pitch + k]);
                for (int v = 0; v < VECTORS; ++v) acc[b][g][v] += columns[v] * row;
            }
        }
}

template <int G>
inline void project_rows(const float* centred, int64_t dim, const float* tiles, int64_t count, float* out) {
    for (int64_t t = 0; t < count; ++t) {
        vec acc[1][G][VECTORS] = {};
        multiply<1, G>(tiles + t * dim * BLOCK, 0, dim, centred, dim, acc);
        for (int g = 0; g < G; ++g)
            for (int v = 0; v < VECTORS; ++v) store(out + (g * count + t) * BLOCK + v * WIDTH, acc[0][g][v]);
    }
}

inline void subtract(const float* a, const float* b, int64_t n, float* __restrict out) {
    for (int64_t i = 0; i < n; ++i) out[i] = a[i] - b[i];
}

void project(const float* rows, int64_t n, int64_t dim, const float* origin, const float* tiles, int64_t count,
             float* centred, float* out) {
    for (int64_t i = 0; i < n;) {
        const int64_t some = n - i >= GROUP ? GROUP : 1;
        for (int64_t g = 0; g < some; ++g) subtract(rows + (i + g) * dim, origin, dim, centred + g * dim);
        if (some == GROUP)
            project_rows<GROUP>(centred, dim, tiles, count, out + i * count * BLOCK);
        else
            project_rows<1>(centred, dim, tiles, count, out + i * count * BLOCK);
        i += some;
    }
}

template <int B>
inline void norms_of(const float* blocks, int64_t depth, float* out) {
    vec sums[B][VECTORS] = {};
    for (int64_t k = 0; k < depth; ++k)
        for (int b = 0; b < B; ++b)
            for (int v = 0; v < VECTORS; ++v) {
                const vec p = load(blocks + (b * depth + k) * BLOCK + v * WIDTH);
                sums[b][v] += p * p;
            }
    for (int b = 0; b < B; ++b)
        for (int v = 0; v < VECTORS; ++v) store(out + b * BLOCK + v * WIDTH, sums[b][v]);
}

void norms(const float* blocks, int64_t count, int64_t depth, float* out) {
    int64_t b = 0;
    for (; b + WIDE <= count; b += WIDE) norms_of<WIDE>(blocks + b * depth * BLOCK, depth, out + b * BLOCK);
    for (; b < count; ++b) norms_of<1>(blocks + b * depth * BLOCK, depth, out + b * BLOCK);
}

// Appends the points of one block that are below the threshold; removed points never are.
inline void keep(const vec (&values)[VECTORS], uint32_t first, Survivors& out) {
    uint32_t bits = below(values, out.threshold);
    if (!bits) return;
    float lane[BLOCK];
    for (int v = 0; v < VECTORS; ++v) store(lane + v * WIDTH, values[v]);
    for (; bits; bits &= bits - 1) {
        const uint32_t i = static_cast<uint32_t>(__builtin_ctz(bits));
        out.found[out.count++] = {lane[i], first + i};
    }
}

// `Metric` fills values[B][G] of some blocks and some queries.
template <int B, int G, typename Metric>
inline void scan_some(const Metric& metric, int64_t block, uint32_t first, const float* queries, Survivors* out) {
    vec values[B][G][VECTORS];
    metric.template compare<B, G>(block, queries, values);
    for (int b = 0; b < B; ++b)
        for (int g = 0; g < G; ++g) keep(values[b][g], first + static_cast<uint32_t>((block + b) * BLOCK), out[g]);
}

template <typename Metric>
inline void scan(const Metric& metric, int64_t count, uint32_t first, const float* queries, int64_t pitch, int64_t n,
                 Survivors* out) {
    int64_t q = 0;
    for (; q + GROUP <= n; q += GROUP)
        for (int64_t b = 0; b < count; ++b) scan_some<1, GROUP>(metric, b, first, queries + q * pitch, out + q);
    for (; q < n; ++q) {
        int64_t b = 0;
        for (; b + WIDE <= count; b += WIDE) scan_some<WIDE, 1>(metric, b, first, queries + q * pitch, out + q);
        for (; b < count; ++b) scan_some<1, 1>(metric, b, first, queries + q * pitch, out + q);
    }
}

struct L2 {
    const float* blocks;
    const float* norms;
    int64_t depth;

    template <int B, int G>
    inline void compare(int64_t block, const float* queries, vec (&values)[B][G][VECTORS]) const {
        for (int b = 0; b < B; ++b)
            for (int g = 0; g < G; ++g)
                for (int v = 0; v < VECTORS; ++v) values[b][g][v] = load(norms + (block + b) * BLOCK + v * WIDTH);
        multiply<B, G>(blocks + block * depth * BLOCK, depth * BLOCK, depth, queries, depth, values);
    }
};

struct Differences {
    const float* blocks;
    int64_t depth;

    template <int B, int G>
    inline void compare(int64_t block, const float* queries, vec (&values)[B][G][VECTORS]) const {
        for (int b = 0; b < B; ++b)
            for (int g = 0; g < G; ++g)
                for (int v = 0; v < VECTORS; ++v) values[b][g][v] = vec{};
        for (int64_t k = 0; k < depth; ++k)
            for (int b = 0; b < B; ++b)
                for (int v = 0; v < VECTORS; ++v) {
                    const vec p = load(blocks + ((block + b) * depth + k) * BLOCK + v * WIDTH);
                    for (int g = 0; g < G; ++g) {
                        const vec gap = p - splat(queries[g * depth + k]);
                        values[b][g][v] += gap * gap;
                    }
                }
    }
};

struct LInfinity {
    const float* blocks;
    int64_t depth, used;

    template <int B, int G>
    inline void compare(int64_t block, const float* queries, vec (&values)[B][G][VECTORS]) const {
        for (int b = 0; b < B; ++b)
            for (int g = 0; g < G; ++g)
                for (int v = 0; v < VECTORS; ++v) values[b][g][v] = vec{};
        for (int64_t k = 0; k < used; ++k)
            for (int b = 0; b < B; ++b)
                for (int v = 0; v < VECTORS; ++v) {
                    const vec p = load(blocks + ((block + b) * depth + k) * BLOCK + v * WIDTH);
                    for (int g = 0; g < G; ++g) {
                        const vec gap = absolute(p - splat(queries[g * depth + k]));
                        values[b][g][v] = larger(values[b][g][v], gap);  // of a removed point, all gaps are NaN
                    }
                }
    }
};

void scan_l2(const float* blocks, const float* norms, int64_t count, int64_t depth, uint32_t first,
             const float* queries, int64_t n, Survivors* out) {
    scan(L2{blocks, norms, depth}, count, first, queries, depth, n, out);
}

void scan_differences(const float* blocks, int64_t count, int64_t depth, uint32_t first, const float* queries,
                      int64_t n, Survivors* out) {
    scan(Differences{blocks, depth}, count, first, queries, depth, n, out);
}

void scan_linf(const float* blocks, int64_t count, int64_t depth, int64_t used, uint32_t first, const float* queries,
               int64_t n, Survivors* out) {
    scan(LInfinity{blocks, depth, used}, count, first, queries, depth, n, out);
}

float squared_distance(const float* a, const float* b, int64_t dim, float bound) {
    constexpr int64_t LANES = 4, STRIDE = 256;
    float total = 0;
    for (int64_t begin = 0; begin < dim; begin += STRIDE) {
        const int64_t end = begin + STRIDE < dim ? begin + STRIDE : dim;
        vec sums[LANES] = {};
        int64_t k = begin;
        for (; k + LANES * WIDTH <= end; k += LANES * WIDTH)
            for (int64_t l = 0; l < LANES; ++l) {
                const vec gap = load(a + k + l * WIDTH) - load(b + k + l * WIDTH);
                sums[l] += gap * gap;
            }
        const vec sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
        for (int i = 0; i < WIDTH; ++i) total += sum[i];
        for (; k < end; ++k) total += (a[k] - b[k]) * (a[k] - b[k]);
        if (total > bound) break;
    }
    return total;
}

double wide_distance(const float* a, const float* b, int64_t dim) {
    constexpr int64_t LANES = 4;
    double sums[LANES] = {};
    for (int64_t k = 0; k < dim; ++k) {
        const double gap = double{a[k]} - double{b[k]};
        sums[k % LANES] += gap * gap;
    }
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

extern const Kernels table = {ISA_NAME,         GROUP,     project,          norms,        scan_l2,
                              scan_differences, scan_linf, squared_distance, wide_distance};

}  // namespace ISA
}  // namespace allmodes
