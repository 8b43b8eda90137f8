// The traversal of Prioritized DCI: a sorted list for every simple index, a priority queue for a composite index.
#pragma once

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "store.hpp"

namespace allmodes {

// One composite index: the projections of all points on each of its directions, sorted.
class SortedLists {
public:
    SortedLists(int64_t first, int64_t simple) : first_(first), lists_(static_cast<size_t>(simple)) {}

    // The point in this slot of the store enters or leaves every list.
    void insert(const Store& store, int64_t slot);
    void erase(const Store& store, int64_t slot);
    void clear();

    // Slots in the order in which points have been seen in all lists, that is by L-infinity distance, until
    // `retrieve` of them are found or `visit` entries were looked at. `visits` counts these.
    std::vector<int64_t> retrieve(const Store& store, const float* query, int64_t retrieve, int64_t visit,
                                  int64_t& visits) const;
    int64_t nbytes() const;

private:
    using Entry = std::pair<float, int64_t>;  // projection, id

    int64_t first_;  // direction of the first list
    std::vector<std::set<Entry>> lists_;
};

}  // namespace allmodes
