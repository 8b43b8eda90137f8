// The inner loops, compiled once for every instruction set and chosen when the library is loaded.
//
// A block is 16 columns of the same depth, `block[depth][16]`: 16 directions when points are projected, 16 projected
// points when a query is compared with them. So both are the same product of a few rows with a block, held in
// registers. Every value is a chain of operations in the order of the depth, whatever it is computed beside:
// results do not depend on how points and queries are batched.
#pragma once

#include <cstdint>

namespace allmodes {

constexpr int64_t BLOCK = 16;

struct Found {
    float value;    // distance in projected space, up to a constant of the query
    uint32_t slot;  // of the point
};

// What a scan found for one query: the points whose value is below the threshold.
struct Survivors {
    float threshold;
    int64_t count;
    Found* found;  // must have room for every point of the scan beyond `count`
};

struct Kernels {
    const char* name;
    int64_t group;  // queries that scan best together

    // out[n][16 tiles] = (rows[n][dim] - origin[dim]) . tiles[tiles][dim][16]; `centred` has room for group x dim.
    void (*project)(const float* rows, int64_t n, int64_t dim, const float* origin, const float* tiles, int64_t count,
                    float* centred, float* out);
    // norms[16 blocks] = squared norms of the points in blocks[blocks][depth][16].
    void (*norms)(const float* blocks, int64_t count, int64_t depth, float* out);
    // Squared L2 distance less the query's norm: norms - 2 p.q, for `queries` of shape [n][depth] given times -2.
    void (*scan_l2)(const float* blocks, const float* norms, int64_t count, int64_t depth, uint32_t first,
                    const float* queries, int64_t n, Survivors* out);
    // Squared L2 distance from the differences of projections: half as fast, and no digits cancel.
    void (*scan_differences)(const float* blocks, int64_t count, int64_t depth, uint32_t first, const float* queries,
                             int64_t n, Survivors* out);
    // L-infinity distance over `used` of the directions; a block begins every `depth` directions.
    void (*scan_linf)(const float* blocks, int64_t count, int64_t depth, int64_t used, uint32_t first,
                      const float* queries, int64_t n, Survivors* out);
    // |a - b|^2, or some number above `bound` as soon as that is certain.
    float (*squared_distance)(const float* a, const float* b, int64_t dim, float bound);
    // The same in double precision, where no float overflows or vanishes.
    double (*wide_distance)(const float* a, const float* b, int64_t dim);
};

// Those of the best instruction set that this processor has.
const Kernels& kernels();

}  // namespace allmodes
