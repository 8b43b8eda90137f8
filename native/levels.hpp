// The hierarchy of Prioritized DCI: every point has a random level and belongs to the nearest point of a higher one.
//
// The points that belong to one point are a cell with sorted lists of its own. A query looks among the few points of the
// highest level, then in the cells of those that are nearest to it, and so on down. With one level there is one cell.
// Which point belongs to which depends on the points and their ids alone, not on the order of insertions and deletions.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "prioritized.hpp"

namespace allmodes {

class Levels {
public:
    // `children`: about how many points a cell has; 0 where that is decided by the first points.
    Levels(int64_t depth, int64_t levels, int64_t children) : depth_(depth), levels_(levels), children_(children) {}

    // The points of the store from this slot on are new.
    void insert(const Store& store, int64_t first, int threads);
    // These points will be removed from the store.
    void erase(const Store& store, const std::vector<int64_t>& slots);
    // All points of the store, which gave them other slots.
    void assign(const Store& store, int threads);
    void clear();

    int64_t levels() const { return levels_; }
    int64_t children() const { return children_; }
    int64_t nbytes() const;
    // The cell of points that belong to none, and the cells of these points with points of level `level`.
    std::vector<const Cell*> top() const;
    std::vector<const Cell*> cells(const std::vector<int64_t>& slots, int64_t level) const;
    int64_t level(int64_t slot) const { return points_[static_cast<size_t>(slot)].level; }

private:
    static constexpr int64_t NONE = -1;
    struct Place {
        int64_t level = NONE;   // of a point that is in no cell: none
        int64_t parent = NONE;  // slot
        double away = 0;        // squared distance of the parent
    };

    bool member(const Store& store, int64_t slot) const { return store.alive(slot) && !store.stray(slot); }
    int64_t plan(int64_t points) const;
    bool outgrown(const Store& store) const;
    int64_t level_of(int64_t id) const;
    Place nearest(const Store& store, int64_t slot) const;
    int64_t key(int64_t parent, int64_t level) const { return parent == NONE ? NONE : parent * levels_ + level; }
    Cell& cell(const Place& place);
    void move(const Store& store, int64_t slot, const Place& to);
    void take_over(const Store& store, int64_t parent, int64_t before);
    void enter(const Store& store, int64_t first, int threads);

    int64_t depth_, levels_, children_;
    std::vector<Place> points_;    // of every slot
    std::vector<int64_t> coarse_;  // slots of points above the lowest level, ascending
    std::unordered_map<int64_t, Cell> cells_;
};

}  // namespace allmodes
