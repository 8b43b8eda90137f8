// Dynamic Continuous Indexing: an index of points by their projections on a few directions.
//
// Li & Malik, Fast k-Nearest Neighbour Search via Dynamic Continuous Indexing, ICML 2016, and via Prioritized DCI,
// ICML 2017. A difference of projections is a lower bound of the distance, so points whose projections are near the
// query's come first, and only a few of them are compared with the query in full.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "levels.hpp"
#include "scan.hpp"
#include "store.hpp"

namespace allmodes {

enum class Order {
    L2,           // projected Euclidean distance over all directions
    LInfinity,    // largest difference of projections, for every composite index; their union
    Prioritized,  // the same order from sorted lists and a priority queue, as the paper has it
};

// What a query cost.
struct Work {
    int64_t evaluations = 0;  // distances computed in full or until they were too large
    int64_t visits = 0;       // projections looked at by the priority queues
};

// Answers of n queries, k each, nearest first; ids -1 and distances infinite beyond the points that were found.
struct Answers {
    int64_t* ids;      // [n][k]
    float* distances;  // [n][k]
};

// All that an index holds at one moment.
struct Contents {
    int64_t size;
    std::unique_ptr<float[]> rows;   // [size][dim]
    std::unique_ptr<int64_t[]> ids;  // [size], ascending
    int64_t next;                    // the id of the next point that is added
    int64_t children;                // see Levels
};

// How much of the index a query may look at.
struct Budget {
    int64_t k;
    int64_t retrieve;  // points taken as candidates, from every composite index
    int64_t visit;     // projections visited in every composite index, in prioritized order, on every level
    int64_t view;      // points of a level whose cells are opened below
    int threads;
};

// Queries may run at the same time from several threads; changes wait for them.
class Dci {
public:
    // See Levels, for the prioritized order.
    Dci(std::shared_ptr<const Geometry> geometry, int64_t composite, Order order, int64_t levels = 1,
        int64_t children = 0);

    // See Store::add; `next` ids are given in order.
    int64_t add(const float* rows, int64_t n, std::shared_ptr<void> owner, int threads = 1);
    // Points under ids of their own, or an exception unless they ascend and are above all that were given; the next is
    // at least `next`.
    void restore(const float* rows, int64_t n, const int64_t* ids, int64_t next, std::shared_ptr<void> owner,
                 int threads);
    // The number of ids that are not in the index; nothing is removed unless it is 0.
    int64_t remove(const int64_t* ids, int64_t n);
    void clear();
    Work query(const float* queries, int64_t n, const Budget& budget, const Answers& answers) const;

    int64_t dim() const { return store_.geometry().dim; }
    int64_t size() const;
    int64_t next() const;
    int64_t nbytes() const;
    Contents contents() const;

private:
    Work query_block(const float* queries, int64_t n, const Budget& budget, const Answers& answers) const;
    void descend(const float* query, const float* projections, double rounding, const Budget& budget, Work& work,
                 std::vector<int64_t>& slots) const;
    void insert(const float* rows, int64_t n, const int64_t* ids, std::shared_ptr<void> owner, int threads);

    // A change that waits holds the turnstile, which queries pass: they cannot keep it waiting for ever.
    std::unique_lock<std::shared_mutex> changing();
    std::shared_lock<std::shared_mutex> reading() const;

    mutable std::mutex turnstile_;
    mutable std::shared_mutex mutex_;
    int64_t composite_;
    Order order_;
    Store store_;
    Levels levels_;  // in prioritized order
    int64_t next_ = 0;
};

}  // namespace allmodes
