// The points whose projections are nearest to a query's, by a scan of all projections.
//
// The papers find them with sorted lists, which at some ten thousand points means visiting a large part of every list in
// random order. Reading all of them in sequence gives the same points in the same order and is far quicker.
//
// Projections are rounded, and |p|^2 - 2 p.q + |q|^2 cancels where points are far from the origin and near each other.
// Where that could change which points are near, the query is looked up again from differences, and every point is
// found that may be as near as the wanted ones.
#pragma once

#include <cstdint>
#include <vector>

#include "store.hpp"

namespace allmodes {

constexpr double TOLERATED = 0.01;  // error of a projected distance that does not matter for who is near

struct Nearer {
    bool operator()(const Found& a, const Found& b) const {
        return a.value < b.value || (a.value == b.value && a.slot < b.slot);
    }
};

using Candidates = std::vector<std::vector<Found>>;  // of every query, in any order

// Looks for the `wanted` nearest points of each of a few queries. Buffers are kept from one call to the next.
class Scan {
public:
    // By projected L2 distance, for the projections `queries` [n][depth], each of them rounded by `rounding` [n].
    const Candidates& l2(const Store& store, const float* queries, const double* rounding, int64_t n, int64_t wanted);
    // By L-infinity distance over the directions `first` to `first + used`.
    const Candidates& linf(const Store& store, const float* queries, const double* rounding, int64_t n, int64_t wanted,
                           int64_t first, int64_t used);
    // Bytes that a query takes of which so many points are wanted.
    static int64_t bytes(const Store& store, int64_t wanted);

private:
    // Compare: (blocks, number of blocks, their first slot, queries, number of queries, survivors).
    template <typename Compare>
    void run(const Store& store, const float* queries, int64_t n, int64_t wanted, const Compare& compare);
    // Once more the query q, without a guess, and all points that have at most this value.
    template <typename Compare>
    void rerun(const Store& store, const float* query, int64_t q, int64_t wanted, const Compare& compare);
    template <typename Compare>
    void within(const Store& store, const float* query, int64_t q, double value, const Compare& compare);

    Candidates found_;
    std::vector<Found> all_;
    std::vector<Survivors> survivors_;
    std::vector<float> scaled_;
};

}  // namespace allmodes
