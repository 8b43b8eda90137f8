// The points whose projections are nearest to a query's, by a scan of all projections.
//
// The papers find them with sorted lists, which at some ten thousand points means visiting a large part of every list in
// random order. Reading all of them in sequence gives the same points in the same order and is far quicker.
#pragma once

#include <cstdint>
#include <vector>

#include "store.hpp"

namespace allmodes {

using Candidates = std::vector<std::vector<Found>>;  // of every query, in any order

// Looks for the `wanted` nearest points of each of a few queries. Buffers are kept from one call to the next.
class Scan {
public:
    // By projected L2 distance, for the projections `queries` [n][depth].
    const Candidates& l2(const Store& store, const float* queries, int64_t n, int64_t wanted);
    // By L-infinity distance over the directions `first` to `first + used`.
    const Candidates& linf(const Store& store, const float* queries, int64_t n, int64_t wanted, int64_t first,
                           int64_t used);

private:
    // Compare: (blocks, number of blocks, their first slot, queries, number of queries, survivors).
    template <typename Compare>
    void run(const Store& store, const float* queries, int64_t n, int64_t wanted, const Compare& compare);

    Candidates found_;
    std::vector<Survivors> survivors_;
    std::vector<float> scaled_;
};

}  // namespace allmodes
