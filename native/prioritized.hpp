// The traversal of Prioritized DCI (Li & Malik 2017, algorithm 2): sorted lists of projections, visited in the order of
// their distance from the query's projection, over all lists of a composite index.
//
// The paper takes one entry at a time from a priority queue. What it visits is, at any time, all entries up to some
// distance from the query; so here all lists are read in sequence up to a distance that grows by a little, and the last
// step is cut where the queue would have stopped. Points, their order and the number of visits are those of the queue.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels.hpp"
#include "store.hpp"

namespace allmodes {

// Points with a list for every direction.
class Cell {
public:
    struct Entry {
        float key;      // projection
        uint32_t slot;  // of the point; equal keys are in its order
    };
    using List = std::vector<Entry>;

    explicit Cell(int64_t depth) : lists_(static_cast<size_t>(depth)) {}

    // All of these points, of a cell without any.
    void fill(const Store& store, const std::vector<int64_t>& slots, int threads);
    // Enters points, or removes points that are here and in the store.
    void insert(const Store& store, const std::vector<int64_t>& slots);
    void erase(const Store& store, const std::vector<int64_t>& slots);

    const List& list(int64_t direction) const { return lists_[static_cast<size_t>(direction)]; }
    int64_t size() const { return static_cast<int64_t>(lists_[0].size()); }
    int64_t nbytes() const;

private:
    std::vector<List> lists_;
};

// A composite index: the directions `first` to `first + simple`.
struct Composite {
    int64_t first;
    int64_t simple;
};

// What a traversal may do: points retrieved, entries visited, and how far rounding moves a projection.
struct Effort {
    int64_t retrieve;
    int64_t visit;
    double rounding;
};

// Buffers of one thread.
class Traversal {
public:
    // Appends the slots of the points that have been seen first in all lists of the composite index, over several cells
    // that have no point in common. Returns the visits.
    int64_t retrieve(const Store& store, const std::vector<const Cell*>& cells, const Composite& index,
                     const float* query, const Effort& effort, std::vector<int64_t>& slots);

private:
    struct Cursor {
        const Cell::List* list;
        float centre;        // the query's projection
        size_t low, high;    // visited are [low, high)
        size_t low_before, high_before;  // the same before the latest step
    };

    void start(const std::vector<const Cell*>& cells, const Composite& index, const float* query);
    float first_reach(int64_t retrieve, size_t cells) const;
    // The least distance to an entry that was not visited; infinite if there is none.
    float next_gap() const;
    // Visits all entries up to this distance; returns how many were visited in all.
    int64_t advance(const Store& store, const Composite& index, const float* query, float reach);
    int64_t visited_before() const;
    // The entries of the latest step up to the last one.
    void latest(const Found& last);

    std::vector<Cursor> cursors_;
    std::vector<uint16_t> seen_;  // in how many lists, of every slot
    std::vector<Found> found_, latest_;
};

}  // namespace allmodes
