// Compiled once for every instruction set, with ISA naming it. Nothing of the standard library may be used here: a
// template compiled for one processor could be linked into code for another.
#include "kernels.hpp"

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

inline bool any(mask m) {
    int64_t bits[WIDTH / 2], either = 0;
    __builtin_memcpy(bits, &m, sizeof bits);
    for (int i = 0; i < WIDTH / 2; ++i) either |= bits[i];
    return either != 0;
}

// acc[b][g] += sum over the depth of block b's row times rows[g].
template <int B, int G>
inline void multiply(const float* blocks, int64_t stride, int64_t depth, const float* rows, int64_t pitch,
                     vec (&acc)[B][G][VECTORS]) {
    for (int64_t k = 0; k < depth; ++k)
        for (int b = 0; b < B; ++b)
            for (int v = 0; v < VECTORS; ++v) {
                const vec column = load(blocks + b * stride + k * BLOCK + v * WIDTH);
                for (int g = 0; g < G; ++g) acc[b][g][v] += column * splat(rows[g * pitch + k]);
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

void project(const float* rows, int64_t n, int64_t dim, const float* origin, const float* tiles, int64_t count,
             float* centred, float* out) {
    for (int64_t i = 0; i < n;) {
        const int64_t some = n - i >= GROUP ? GROUP : 1;
        for (int64_t g = 0; g < some; ++g)
            for (int64_t k = 0; k < dim; ++k) centred[g * dim + k] = rows[(i + g) * dim + k] - origin[k];
        if (some == GROUP)
            project_rows<GROUP>(centred, dim, tiles, count, out + i * count * BLOCK);
        else
            project_rows<1>(centred, dim, tiles, count, out + i * count * BLOCK);
        i += some;
    }
}

void norms(const float* blocks, int64_t count, int64_t depth, float* out) {
    for (int64_t b = 0; b < count; ++b)
        for (int v = 0; v < VECTORS; ++v) {
            vec sum = {};
            for (int64_t k = 0; k < depth; ++k) {
                const vec p = load(blocks + (b * depth + k) * BLOCK + v * WIDTH);
                sum += p * p;
            }
            store(out + b * BLOCK + v * WIDTH, sum);
        }
}

// Appends the points of one block that are below the threshold. A removed point is NaN, which is below nothing.
inline void keep(const vec (&values)[VECTORS], uint32_t first, Survivors& out) {
    const vec threshold = splat(out.threshold);
    mask below = {};
    for (int v = 0; v < VECTORS; ++v) below |= values[v] < threshold;
    if (!any(below)) return;
    float lane[BLOCK];
    for (int v = 0; v < VECTORS; ++v) store(lane + v * WIDTH, values[v]);
    for (uint32_t i = 0; i < BLOCK; ++i)
        if (lane[i] < out.threshold) out.found[out.count++] = {lane[i], first + i};
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
                        const vec gap = p - splat(queries[g * depth + k]);
                        const vec size = gap < 0 ? -gap : gap;
                        vec& most = values[b][g][v];
                        most = most >= size ? most : size;  // NaN, of a removed point, is taken over and stays
                    }
                }
    }
};

void scan_l2(const float* blocks, const float* norms, int64_t count, int64_t depth, uint32_t first,
             const float* queries, int64_t n, Survivors* out) {
    scan(L2{blocks, norms, depth}, count, first, queries, depth, n, out);
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

extern const Kernels table = {ISA_NAME, GROUP, project, norms, scan_l2, scan_linf, squared_distance};

}  // namespace ISA
}  // namespace allmodes
